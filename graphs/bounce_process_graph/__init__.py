"""bounce_process: reports of mail servers, read and acted on, each once."""

from collections.abc import Sequence
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.bounce_process_graph.actions import Processed, list_waiting, process
from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.fleet import wake_campaigns
from graphs.sales.mailing.imap import MailboxUnreachable
from graphs.sales.mailing.ingest import ingest
from graphs.sales.mailing.smtp import InvalidMailbox
from graphs.sales.settings import SalesContext, clean
from graphs.sales.spans import count

_MOST = 200


class BounceInput(TypedDict, total=False):
    """`mailbox_id` of the mailbox that bounces come to, which is read first; or `raw_ref`, the id
    of a mail in the database. `now` (ISO 8601) stands in for the clock.
    """

    mailbox_id: str
    raw_ref: str
    max: int
    now: str


class Bounce(TypedDict):
    """One report. `class`: hard, soft, block or complaint; `recipient` is the address it is about.

    `action`: suppressed, retried (a soft bounce: later touches go out), mailbox_paused, or none
    (about nobody we wrote to).
    """

    message_id: str
    contact_id: str | None
    campaign_id: str | None
    recipient: str | None
    status_code: str | None
    bounce_class: Literal["hard", "soft", "block", "complaint"]
    action: Literal["suppressed", "retried", "mailbox_paused", "none"]


# `class` is a word of Python's own, so these fields are written as a call.
BounceOutput = TypedDict(
    "BounceOutput",
    {
        "recipient": str | None,
        "status_code": str | None,
        "class": Literal["hard", "soft", "block", "complaint"] | None,
        "action": Literal["suppressed", "retried", "mailbox_paused", "none"],
        "bounces": list[Bounce],
    },
    total=False,
)
BounceOutput.__doc__ = """The last report's fields, and all of them in `bounces`, oldest first."""


class BounceState(BounceInput, BounceOutput, total=False):
    """Input and output together."""


async def read_reports(state: BounceState, runtime: Runtime[SalesContext]) -> BounceState:
    """Fetch what is new, and act on every report that waits."""
    del runtime
    mailbox_id, raw_ref = clean(state.get("mailbox_id")), clean(state.get("raw_ref"))
    if bool(mailbox_id) == bool(raw_ref):
        raise ValueError("Send mailbox_id, or raw_ref: the id of a mail in the database.")
    most = state.get("max", 100)
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= _MOST:
        raise ValueError(f"max is a whole number from 1 to {_MOST}.")
    database, now = await open_database(), read_now(state.get("now"))
    waiting = [raw_ref]
    try:
        if mailbox_id:
            await ingest(database, mailbox_id, most, now)
            waiting = await list_waiting(database, mailbox_id, most)
        done = [await process(database, each, now) for each in waiting]
    except (LookupError, InvalidMailbox, MailboxUnreachable) as error:
        raise ValueError(str(error.args[0])) from None
    found = [each for each in done if each is not None]
    for each in found:
        count("mail.bounces", {"class": each.bounce_class})
    return _show(found)


def _show(found: Sequence[Processed]) -> BounceState:
    last = found[-1] if found else None
    return {
        "recipient": last.recipient if last else None,
        "status_code": last.status_code if last else None,
        "class": last.bounce_class if last else None,
        "action": last.action if last else "none",
        "bounces": [
            Bounce(
                message_id=each.message_id,
                contact_id=each.contact_id,
                campaign_id=each.campaign_id,
                recipient=each.recipient,
                status_code=each.status_code,
                bounce_class=each.bounce_class,
                action=each.action,
            )
            for each in found
        ],
    }


async def tell_campaigns(state: BounceState) -> BounceState:
    """Campaigns to addresses that are gone stop now."""
    gone = [each for each in state.get("bounces") or [] if each["action"] == "suppressed"]
    await wake_campaigns((each["campaign_id"], each["contact_id"]) for each in gone)
    return {}


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        BounceState,
        context_schema=SalesContext,
        input_schema=BounceInput,
        output_schema=BounceOutput,
    )
    builder.add_node("read_reports", read_reports)
    builder.add_node("tell_campaigns", tell_campaigns)
    builder.add_edge(START, "read_reports")
    builder.add_edge("read_reports", "tell_campaigns")
    builder.add_edge("tell_campaigns", END)
    return builder.compile(checkpointer=checkpointer, name="bounce_process")


graph = build_graph()
