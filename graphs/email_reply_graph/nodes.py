"""The nodes of email_reply: fetch the mail, draft the answer, decide who must look at it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, Field
from sqlalchemy import or_, select

from graphs.email_reply_graph.drafting import REPLY_TYPES, draft_reply
from graphs.email_reply_graph.state import ReplyInput, ReplyOutput, ReplyState
from graphs.sales.checks import MAIL_CHECKS
from graphs.sales.data import open_database
from graphs.sales.data.tables import Message
from graphs.sales.mail import find_message, parse_mail
from graphs.sales.prompts import load_prompt
from graphs.sales.reply_rules import NEXT_ACTION, Analysis, analyse
from graphs.sales.settings import SalesContext, clean, read_context
from graphs.sales.tasks import Provenance, Task, run_task


class Reply(BaseModel):
    """The answer of the task, by rules or by a model."""

    analysis: Analysis
    subject: str = Field(max_length=200)
    body: str


def reply_by_rules(variables: Mapping[str, Any]) -> Reply:
    """Classify the mail and fill the plan of its intent."""
    mail = parse_mail(variables["original_email"])
    analysis = analyse(mail)
    wanted = REPLY_TYPES.get(variables["reply_type"], analysis.intent)
    subject, body = draft_reply(analysis, mail.from_name, mail.subject, variables, wanted)
    return Reply(analysis=analysis, subject=subject, body=body)


TASK = Task(
    name="email_reply",
    version="1",
    schema=Reply,
    prompt=load_prompt(__file__),
    rules=reply_by_rules,
    checks=MAIL_CHECKS,
    untrusted=frozenset({"original_email"}),
)


async def read_message(state: ReplyState, runtime: Runtime[SalesContext]) -> ReplyState:
    """The mail to answer, from the input or from the inbox folder."""
    reply_type = str(state.get("reply_type") or "auto")
    if reply_type != "auto" and reply_type not in REPLY_TYPES:
        known = ", ".join(["auto", *REPLY_TYPES])
        raise ValueError(f"reply_type is {reply_type!r}; send one of {known}.")
    source = state.get("original_email")
    if isinstance(source, str) and source.strip():
        return {"source": source}
    message_id = clean(state.get("message_id"))
    if not message_id:
        raise ValueError(
            "Send original_email (the raw mail or its text), or message_id of a mail in the "
            "database or in the inbox."
        )
    found = await _find_stored(message_id)
    inbox = read_context(runtime.context).get("inbox")
    if found is None and inbox:
        found = await asyncio.to_thread(find_message, str(inbox), message_id)
    if found is None:
        where = f" and in the inbox {inbox}" if inbox else ""
        raise ValueError(f"No mail {message_id} is in the database{where}.")
    return {"source": found}


async def _find_stored(message_id: str) -> str | None:
    """A mail that reply_check stored, by its id or by its Message-ID."""
    either = or_(Message.id == message_id, Message.message_id == message_id)
    async with (await open_database()).read() as session:
        row = await session.scalar(select(Message).where(either, Message.direction == "in"))
    return row.raw if row is not None else None


async def write_reply(state: ReplyState, runtime: Runtime[SalesContext]) -> ReplyState:
    """Run the task."""
    context = read_context(runtime.context)
    variables = {
        "sender_name": "", "sender_title": "", "sender_company": "", "product": "",
        "value_proposition": "", "calendar_url": "", "facts": {}, "tone": "friendly",
        **{key: value for key, value in context.items() if key not in ("model", "prompt")},
        **({"tone": state["tone"]} if state.get("tone") else {}),
        "reply_type": str(state.get("reply_type") or "auto"),
        "original_email": state["source"],
    }  # fmt: skip
    reply, provenance = await run_task(TASK, variables, context)
    reasons = find_approval_reasons(reply, provenance, context)
    return {
        "analysis": reply.analysis.model_dump(),
        "subject": reply.subject,
        "body": reply.body,
        "needs_approval": bool(reasons),
        "approval_reasons": reasons,
        "next_action": NEXT_ACTION[reply.analysis.intent],
        "provenance": provenance,
    }


def find_approval_reasons(
    reply: Reply, provenance: Provenance, context: Mapping[str, Any]
) -> list[str]:
    """Why a person must look before this is sent; empty when it may go out by itself."""
    analysis = reply.analysis
    if not reply.body:
        return []
    facts = context.get("facts") or {}
    delicate = [t for t in analysis.topics if t in ("pricing", "security", "legal", "integration")]
    missing = [topic for topic in delicate if not facts.get(topic)]
    rules = [
        (bool(context.get("require_approval")), "The settings ask for approval of every reply."),
        (analysis.intent == "unclear", "The reply could not be understood with confidence."),
        (analysis.intent == "unsubscribe", "The address must be suppressed before this is sent."),
        (analysis.sentiment == "negative", "The sender is annoyed."),
        (analysis.confidence < 0.7, "The reading of the reply is not certain."),
        (bool(missing), f"No approved fact covers: {', '.join(missing)}."),
        ("legal" in analysis.topics, "The reply is about contract terms."),
        (analysis.language != "en", "The reply is not in English; the draft is."),
        (
            bool(provenance["problems"]),
            "The draft fails a check: " + " ".join(provenance["problems"]),
        ),
    ]
    return [reason for holds, reason in rules if holds]


def build_email_reply_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        ReplyState,
        context_schema=SalesContext,
        input_schema=ReplyInput,
        output_schema=ReplyOutput,
    )
    builder.add_node("read_message", read_message)
    builder.add_node("write_reply", write_reply)
    builder.add_edge(START, "read_message")
    builder.add_edge("read_message", "write_reply")
    builder.add_edge("write_reply", END)
    return builder.compile(checkpointer=checkpointer, name="email_reply")
