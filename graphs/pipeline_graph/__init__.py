"""pipeline: from a search to campaigns that run, across all pools; one thread each.

discover -> enrich -> verify -> score -> approval -> start. Every stage but the first runs for many
companies at once. Thread: ``pipeline-<id>``.
"""

from functools import partial
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from graphs.pipeline_graph import nodes
from graphs.pipeline_graph.companies import enrich_company, score_company, verify_company
from graphs.pipeline_graph.state import One, PipelineInput, PipelineOutput, PipelineState
from graphs.sales.settings import SalesContext

# Companies, or contacts, that one pipeline works on at once. A caller may set another by
# `config.max_concurrency`.
CONCURRENCY = 8


def _after_prepare(state: PipelineState) -> str:
    return "discover" if state.get("status") == "running" else "end"


def _after_discover(state: PipelineState) -> str | list[Send]:
    return nodes.spread("enrich_company", state) if state.get("status") == "running" else "end"


def _after_choose(state: PipelineState) -> str | list[Send]:
    if state.get("status") != "running":
        return "end"
    return nodes.spread_contacts(state) if state.get("auto_confirm") is True else "approval"


def _after_settle(state: PipelineState) -> str | list[Send]:
    ways = {"refused": "end", "needs_approval": "approval"}
    return ways.get(str(state.get("status"))) or nodes.spread_contacts(state) or "finish"


def _gather(state: PipelineState) -> PipelineState:
    """Where the companies of a stage meet."""
    return {"pipeline_id": state["pipeline_id"]}


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it waits for approval by an interrupt, and needs a checkpointer for it."""
    builder = StateGraph(
        PipelineState,
        context_schema=SalesContext,
        input_schema=PipelineInput,
        output_schema=PipelineOutput,
    )
    builder.add_node("prepare", nodes.prepare)
    builder.add_node("discover", nodes.discover)
    builder.add_node("enrich_company", enrich_company, input_schema=One)
    builder.add_node("enriched", _gather)
    builder.add_node("verify_company", verify_company, input_schema=One)
    builder.add_node("verified", _gather)
    builder.add_node("score_company", score_company, input_schema=One)
    builder.add_node("choose", nodes.choose)
    builder.add_node("approval", nodes.approval)
    builder.add_node("settle", nodes.settle)
    builder.add_node("start_campaign", nodes.start_campaign, input_schema=One)
    builder.add_node("finish", nodes.finish)
    builder.add_edge(START, "prepare")
    builder.add_conditional_edges("prepare", _after_prepare, {"discover": "discover", "end": END})
    builder.add_conditional_edges(
        "discover", _after_discover, {"enrich_company": "enrich_company", "end": END}
    )
    builder.add_edge("enrich_company", "enriched")
    builder.add_conditional_edges(
        "enriched", partial(nodes.spread, "verify_company"), ["verify_company"]
    )
    builder.add_edge("verify_company", "verified")
    builder.add_conditional_edges(
        "verified", partial(nodes.spread, "score_company"), ["score_company"]
    )
    builder.add_edge("score_company", "choose")
    builder.add_conditional_edges(
        "choose",
        _after_choose,
        {"start_campaign": "start_campaign", "approval": "approval", "end": END},
    )
    builder.add_edge("approval", "settle")
    builder.add_conditional_edges(
        "settle",
        _after_settle,
        {
            "start_campaign": "start_campaign",
            "approval": "approval",
            "finish": "finish",
            "end": END,
        },
    )
    builder.add_edge("start_campaign", "finish")
    builder.add_edge("finish", END)
    compiled = builder.compile(checkpointer=checkpointer, name="pipeline")
    return compiled.with_config(max_concurrency=CONCURRENCY)


graph = build_graph()
