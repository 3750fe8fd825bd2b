"""email_send: one mail, once, however often it is asked for.

Not resumable: the row in the outbox is the memory. See graphs/sales/mailing.
"""

from collections.abc import Mapping
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.mailing.outbox import Plan, plan_touch
from graphs.sales.mailing.sending import send_touch
from graphs.sales.mailing.settings import read_links, read_settings
from graphs.sales.mailing.smtp import InvalidMailbox
from graphs.sales.settings import SalesContext, clean, read_context


class MailInput(TypedDict, total=False):
    """A mail that belongs to no campaign, such as an answer. `references`: oldest first."""

    to: str
    subject: str
    text: str
    html: str
    contact_id: str
    in_reply_to: str
    references: list[str]


class SendInput(TypedDict, total=False):
    """Either `touch_id` of a touch in the outbox, or `message` with the `mailbox_id` it goes out
    from and an `idempotency_key`: the same key is the same mail.

    `now` (ISO 8601) stands in for the clock.
    """

    touch_id: str
    message: MailInput
    idempotency_key: str
    mailbox_id: str
    now: str


class SendOutput(TypedDict, total=False):
    """`retry_at` is set where the same call later may send it. `held`: `detail` says what a person
    has to do first. `unknown`: the line broke while the mail was on it; it is not sent again.
    """

    touch_id: str
    message_id: str | None
    status: Literal["sent", "duplicate", "suppressed", "deferred", "held", "failed", "unknown"]
    reason: str | None
    detail: str
    retry_at: str | None


class SendState(SendInput, SendOutput, total=False):
    """Input and output together."""


async def plan(state: SendState) -> SendState:
    """Put a mail of its own into the outbox; a touch is there already."""
    if state.get("touch_id"):
        return {}
    message, key = state.get("message"), clean(state.get("idempotency_key"))
    mailbox_id = clean(state.get("mailbox_id"))
    if not isinstance(message, Mapping) or not key or not mailbox_id:
        raise ValueError("Send touch_id, or message with mailbox_id and idempotency_key.")
    missing = [name for name in ("to", "subject", "text") if not clean(message.get(name))]
    if missing:
        raise ValueError(f"message needs {' and '.join(missing)}.")
    if len(key) > 200:
        raise ValueError("idempotency_key has at most 200 characters.")
    touch = await plan_touch(
        await open_database(),
        Plan(
            key=f"mail:{key}",
            recipient=clean(message["to"]),
            subject=clean(message["subject"]),
            text=str(message["text"]),
            html=str(message.get("html") or ""),
            mailbox_id=mailbox_id,
            contact_id=clean(message.get("contact_id")) or None,
            in_reply_to=clean(message.get("in_reply_to")) or None,
            references=[str(each) for each in message.get("references") or []],
        ),
        read_now(state.get("now")),
    )
    return {"touch_id": touch.id}


async def send(state: SendState, runtime: Runtime[SalesContext]) -> SendState:
    """One attempt."""
    context = read_context(runtime.context)
    try:
        found = await send_touch(
            await open_database(),
            state["touch_id"],
            read_settings(context),
            read_now(state.get("now")),
            read_links(context),
        )
    except (InvalidMailbox, LookupError) as error:
        raise ValueError(str(error.args[0])) from None
    return {
        "touch_id": found.touch_id,
        "message_id": found.message_id,
        "status": found.status,
        "reason": found.reason,
        "detail": found.message,
        "retry_at": found.retry_at.isoformat() if found.retry_at else None,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        SendState, context_schema=SalesContext, input_schema=SendInput, output_schema=SendOutput
    )
    builder.add_node("plan", plan)
    builder.add_node("send", send)
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "send")
    builder.add_edge("send", END)
    return builder.compile(checkpointer=checkpointer, name="email_send")


graph = build_graph()
