"""classify_reply: what the answer to a sales mail says, and what to do next."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from sqlalchemy import or_, select
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.data.tables import Message
from graphs.sales.deferrals import find_deferral
from graphs.sales.mail import join_headers, parse_mail
from graphs.sales.mailing.returns import find_return
from graphs.sales.prompts import load_prompt
from graphs.sales.reply_reading import choose_action, read_reply
from graphs.sales.reply_rules import Analysis
from graphs.sales.settings import SalesContext, clean, read_context
from graphs.sales.tasks import Provenance, Task, Variables, name_version, run_task

_LONGEST = 256 * 1024


class ReplyInput(TypedDict, total=False):
    """`text` is a raw mail, or its body alone with `headers` {name: value} beside it.

    `message_id` instead names a mail of the database, by its id or Message-ID; its label is stored.
    `now` (ISO 8601) stands in for the clock.
    """

    text: str
    headers: dict[str, str]
    message_id: str
    now: str


class ReplyOutput(TypedDict, total=False):
    """`label`: interested, info_request, referral, not_now, not_interested, unsubscribe,
    auto_reply, bounce; `unclear` leaves it to a person.

    `again_on` is the day (ISO 8601) from which to write again, where the reply names one.
    """

    label: str
    confidence: float
    next_action: str
    reasons: list[str]
    language: str
    key_ask: str | None
    referred_to: str | None
    again_on: str | None
    model_version: str
    provenance: Provenance


class ReplyState(ReplyInput, ReplyOutput, total=False):
    """`source` is the raw mail."""

    source: str


def read_by_rules(variables: Variables) -> Analysis:
    """Phrases, headers, and guesses."""
    return read_reply(parse_mail(variables["mail"]))


TASK = Task(
    name="classify_reply",
    version="1",
    schema=Analysis,
    prompt=load_prompt(__file__),
    rules=read_by_rules,
    untrusted=frozenset({"mail"}),
)


async def read_source(state: ReplyState) -> ReplyState:
    """The mail, from the input or from the database."""
    text, headers = state.get("text"), state.get("headers") or {}
    if isinstance(text, str) and (text.strip() or headers):
        if len(text) > _LONGEST:
            raise ValueError(f"text has over {_LONGEST} characters; send the reply alone.")
        return {"source": join_headers(text, headers)}
    message_id = clean(state.get("message_id"))
    if not message_id:
        raise ValueError("Send text (a raw mail, or its body with headers), or message_id.")
    either = or_(Message.id == message_id, Message.message_id == message_id)
    async with (await open_database()).read() as session:
        row = await session.scalar(select(Message).where(either, Message.direction == "in"))
    if row is None:
        raise ValueError(f"No mail {message_id} came in; send text.")
    return {"source": row.raw, "message_id": row.id}


async def classify(state: ReplyState, runtime: Runtime[SalesContext]) -> ReplyState:
    """Run the task."""
    now = read_now(state.get("now"))
    given = {"mail": state["source"]}
    analysis, provenance = await run_task(TASK, given, read_context(runtime.context))
    words = parse_mail(state["source"]).new_text
    again = None
    if analysis.intent == "not_now":
        again = find_deferral(words, now)
    elif analysis.intent == "auto_reply":
        again = find_return(words, now)
    return {
        "label": analysis.intent,
        "confidence": analysis.confidence,
        "next_action": choose_action(analysis),
        "reasons": analysis.evidence[:3],
        "language": analysis.language,
        "key_ask": analysis.key_ask,
        "referred_to": analysis.referred_to,
        "again_on": again.date().isoformat() if again else None,
        "model_version": name_version(provenance),
        "provenance": provenance,
    }


async def store_label(state: ReplyState) -> ReplyState:
    """Write the label on the stored mail, where there is one and no person has to look first."""
    if not state.get("message_id") or state["next_action"] == "ask_a_person":
        return {}
    async with (await open_database()).begin() as session:
        row = await session.get_one(Message, state["message_id"])
        row.label = state["label"]
    return {}


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        ReplyState, context_schema=SalesContext, input_schema=ReplyInput, output_schema=ReplyOutput
    )
    builder.add_node("read_source", read_source)
    builder.add_node("classify", classify)
    builder.add_node("store_label", store_label)
    builder.add_edge(START, "read_source")
    builder.add_edge("read_source", "classify")
    builder.add_edge("classify", "store_label")
    builder.add_edge("store_label", END)
    return builder.compile(checkpointer=checkpointer, name="classify_reply")


graph = build_graph()
