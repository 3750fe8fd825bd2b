"""learn_scores: weights for score_contact, learned from what became of contacts.

New weights hold only when they are better on contacts that no version was ever trained on.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from graphs.learn_scores_graph.history import read_examples
from graphs.learn_scores_graph.training import Report, compare
from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.scoring.models import find_promoted, store_model
from graphs.sales.settings import SalesContext, clean

_MIN_EVENTS = 200
_WAIT_DAYS = 14


class LearnInput(TypedDict, total=False):
    """`since` (ISO 8601) leaves out contacts first written to before it. `min_events` is how many
    contacts with an outcome there must be, 50 at least. `product_id` weighs companies by its
    profile. `now` stands in for the clock; younger mails than two weeks have no outcome yet.
    """

    since: str
    min_events: int
    product_id: str
    now: str


class LearnOutput(TypedDict, total=False):
    """`model_version` is the one that holds afterwards; `trained_version` the one learned now.

    `n` counts contacts with an outcome; `auc`, `brier` and `log_loss` are those of the new weights
    on held-out contacts, `before` those of the weights that held until now.
    """

    model_version: str
    trained_version: str | None
    n: int
    n_held_out: int
    auc: float | None
    brier: float | None
    log_loss: float | None
    before: dict[str, float | None]
    promoted: bool
    reason: str


class LearnState(LearnInput, LearnOutput, total=False):
    """Input and output together."""


async def learn(state: LearnState) -> LearnState:
    """Read, train, compare; store what was learned, and promote it if it is better."""
    now, least = read_now(state.get("now")), state.get("min_events", _MIN_EVENTS)
    if isinstance(least, bool) or not isinstance(least, int) or least < 50:
        raise ValueError("min_events is a whole number, 50 or more.")
    since = read_now(state["since"]) if state.get("since") else None
    database = await open_database()
    async with database.read() as session:
        product_id = clean(state.get("product_id"))
        examples = await read_examples(session, now, since, product_id, _WAIT_DAYS)
        current = await find_promoted(session)
    report = compare(examples, current.weights, least)
    if report.weights is None:
        return {**_show(report), "model_version": current.version, "trained_version": None}
    metrics = {
        "n": report.n,
        "n_held_out": report.n_held_out,
        "after": report.after,
        "before": report.before,
        "compared_with": current.version,
    }
    async with database.begin() as session:
        version = await store_model(
            session, report.weights, metrics, now=now, promote=report.better
        )
    holds = version if report.better else current.version
    return {**_show(report), "model_version": holds, "trained_version": version}


def _show(report: Report) -> LearnState:
    return {
        "n": report.n,
        "n_held_out": report.n_held_out,
        "auc": report.after.get("auc"),
        "brier": report.after.get("brier"),
        "log_loss": report.after.get("log_loss"),
        "before": dict(report.before),
        "promoted": report.better,
        "reason": report.reason,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        LearnState, context_schema=SalesContext, input_schema=LearnInput, output_schema=LearnOutput
    )
    builder.add_node("learn", learn)
    builder.add_edge(START, "learn")
    builder.add_edge("learn", END)
    return builder.compile(checkpointer=checkpointer, name="learn_scores")


graph = build_graph()
