"""opportunity: a deal from the first reply to won or lost, one thread each: ``opp-<id>``.

It hears of replies, meetings and outcomes, has the email pool draft what comes next, leaves the
draft to the deal's owner, and looks again by itself when nothing came.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph

from graphs.opportunity_graph import nodes
from graphs.opportunity_graph.state import OpportunityInput, OpportunityOutput, OpportunityState
from graphs.sales.settings import SalesContext


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it waits by interrupts and needs a checkpointer to be resumed."""
    builder = StateGraph(
        OpportunityState,
        context_schema=SalesContext,
        input_schema=OpportunityInput,
        output_schema=OpportunityOutput,
    )
    builder.add_node("open_opportunity", nodes.open_opportunity)
    builder.add_node("read_news", nodes.read_news)
    builder.add_node("write_draft", nodes.write_draft)
    builder.add_node("record", nodes.record)
    builder.add_node("rest", nodes.rest)
    builder.add_node("wait", nodes.wait)
    builder.add_edge(START, "open_opportunity")
    builder.add_edge("open_opportunity", "read_news")
    builder.add_conditional_edges(
        "read_news",
        nodes.choose_after_news,
        {"draft": "write_draft", "record": "record", "rest": "rest", "end": END},
    )
    builder.add_edge("write_draft", "record")
    builder.add_conditional_edges("record", nodes.choose_after_record, {"wait": "wait", "end": END})
    builder.add_edge("rest", "wait")
    builder.add_edge("wait", "read_news")
    return builder.compile(checkpointer=checkpointer, name="opportunity")


graph = build_graph()
