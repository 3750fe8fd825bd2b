"""campaign: a durable sequence of touches to one contact, until they answer.

One thread per campaign and contact: ``campaign-<campaign_id>-<contact_id>``.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph

from graphs.campaign_graph import nodes
from graphs.campaign_graph.state import CampaignInput, CampaignOutput, CampaignState
from graphs.sales.settings import SalesContext


def _after_guard(state: CampaignState) -> str:
    return "wait" if state.get("status") == "waiting" else "go"


def _after_draft(state: CampaignState) -> str:
    return {"stopped": "end", "needs_approval": "hold"}.get(str(state.get("status")), "go")


def _after_answer(state: CampaignState) -> str:
    if state.get("status") == "stopped":
        return "end"
    return "go" if state.get("approved") else "hold"


def _after_send(state: CampaignState) -> str:
    ways = {"stopped": "end", "waiting": "wait", "needs_approval": "hold"}
    return ways.get(str(state.get("status")), "go")


def _after_schedule(state: CampaignState) -> str:
    return "end" if state.get("status") == "done" else "go"


def _rest(state: CampaignState) -> CampaignState:
    """Show the thread as waiting again after an early resume."""
    del state
    return {"status": "waiting", "event": {}}


def build_campaign_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it waits by interrupts and needs a checkpointer to be resumed."""
    builder = StateGraph(
        CampaignState,
        context_schema=SalesContext,
        input_schema=CampaignInput,
        output_schema=CampaignOutput,
    )
    builder.add_node("check_reply", nodes.check_reply)
    builder.add_node("guard", nodes.guard)
    builder.add_node("generate_touch", nodes.generate_touch)
    builder.add_node("approval", nodes.approval)
    builder.add_node("settle", nodes.settle)
    builder.add_node("send_touch", nodes.send_touch)
    builder.add_node("record", nodes.record)
    builder.add_node("schedule_next", nodes.schedule_next)
    builder.add_node("rest", _rest)
    builder.add_node("wait", nodes.wait)
    builder.add_edge(START, "check_reply")
    builder.add_conditional_edges(
        "check_reply", nodes.choose_after_check, {"end": END, "wait": "rest", "guard": "guard"}
    )
    builder.add_edge("rest", "wait")
    builder.add_conditional_edges("guard", _after_guard, {"wait": "wait", "go": "generate_touch"})
    builder.add_conditional_edges(
        "generate_touch", _after_draft, {"end": END, "hold": "approval", "go": "send_touch"}
    )
    builder.add_edge("approval", "settle")
    builder.add_conditional_edges(
        "settle", _after_answer, {"end": END, "hold": "approval", "go": "send_touch"}
    )
    builder.add_conditional_edges(
        "send_touch",
        _after_send,
        {"end": END, "wait": "wait", "hold": "approval", "go": "record"},
    )
    builder.add_edge("record", "schedule_next")
    builder.add_conditional_edges("schedule_next", _after_schedule, {"end": END, "go": "wait"})
    builder.add_edge("wait", "check_reply")
    return builder.compile(checkpointer=checkpointer, name="campaign")


build_graph = build_campaign_graph
graph = build_campaign_graph()

__all__ = ["build_campaign_graph", "build_graph", "graph"]
