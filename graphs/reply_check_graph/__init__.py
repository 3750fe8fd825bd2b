"""reply_check: what came into a mailbox, matched to what was sent, and what replies say.

Replies stop their campaigns, vacation notices shift them, and who wants no more mail gets none.
Nothing is deleted, moved or marked in the mailbox.
"""

from typing import Any, cast

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.fleet import wake_campaigns
from graphs.sales.mailing.imap import MailboxUnreachable
from graphs.sales.mailing.ingest import Stored, ingest
from graphs.sales.mailing.smtp import InvalidMailbox
from graphs.sales.phrases import Intent
from graphs.sales.reply_reading import choose_action
from graphs.sales.reply_rules import NEXT_ACTION
from graphs.sales.settings import SalesContext, clean

_MOST = 200


class CheckInput(TypedDict, total=False):
    """`max` is how many mails are read at most, 1 to 200; what is left is read next time.

    `now` (ISO 8601) stands in for the clock.
    """

    mailbox_id: str
    max: int
    now: str


class Matched(TypedDict):
    """A mail of somebody we wrote to. `message_id` is the database's; `weak`: by address alone.

    `label` and `next_action` are those of classify_reply's rules, or what it said since. The label
    is kept with the mail, unless `next_action` is `ask_a_person`: it is a guess then, or `unclear`.
    """

    message_id: str
    kind: str
    contact_id: str | None
    campaign_id: str | None
    touch_id: str | None
    matched_by: str
    weak: bool
    label: str
    next_action: str


class AutoReply(TypedDict):
    """A machine's answer; `until` is the day it names, from which the campaign goes on."""

    message_id: str
    contact_id: str | None
    until: str | None


class CheckOutput(TypedDict, total=False):
    """`unmatched` counts mails that answer nothing of ours; `bounces` those left to bounce_process.

    `last_uid` is how far the folder was read.
    """

    matched: list[Matched]
    auto_replies: list[AutoReply]
    unmatched: int
    bounces: int
    last_uid: int
    woken: int


class CheckState(CheckInput, CheckOutput, total=False):
    """Input and output together."""


async def read_mailbox(state: CheckState, runtime: Runtime[SalesContext]) -> CheckState:
    """Fetch and store; a mail that was stored before is told of again as it is."""
    del runtime
    mailbox_id, most = clean(state.get("mailbox_id")), state.get("max", 50)
    if not mailbox_id:
        raise ValueError("Send mailbox_id: the id of a mailbox in the database.")
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= _MOST:
        raise ValueError(f"max is a whole number from 1 to {_MOST}.")
    try:
        found = await ingest(await open_database(), mailbox_id, most, read_now(state.get("now")))
    except (LookupError, InvalidMailbox, MailboxUnreachable) as error:
        raise ValueError(str(error.args[0])) from None
    replies = [each for each in found.mails if each.arrival.kind in ("reply", "unsubscribe")]
    machines = [each for each in found.mails if each.arrival.kind == "auto_reply"]
    return {
        "matched": [_show(each) for each in replies if each.match],
        "auto_replies": [_show_machine(each) for each in machines if each.match],
        "unmatched": sum(each.match is None for each in [*replies, *machines]),
        "bounces": sum(each.arrival.kind in ("bounce", "complaint") for each in found.mails),
        "last_uid": found.last_uid,
    }


async def tell_campaigns(state: CheckState) -> CheckState:
    """Campaigns whose contacts answered stop now."""
    pairs = [(each["campaign_id"], each["contact_id"]) for each in state.get("matched") or []]
    return {"woken": await wake_campaigns(pairs)}


def _show(stored: Stored) -> Matched:
    match = stored.match
    assert match is not None
    label, next_action = _read(stored)
    return {
        "message_id": stored.id,
        "kind": stored.arrival.kind,
        "contact_id": match.contact_id,
        "campaign_id": match.campaign_id,
        "touch_id": match.touch_id,
        "matched_by": match.by,
        "weak": match.by == "address",
        "label": label,
        "next_action": next_action,
    }


def _read(stored: Stored) -> tuple[str, str]:
    """Label and next action: of our own reading, unless classify_reply has kept another since."""
    label, reading = stored.label, stored.arrival.reading
    if reading and label in (None, reading.intent):
        return reading.intent, choose_action(reading)
    kept = cast(Intent, label or "unclear")
    return kept, NEXT_ACTION.get(kept, NEXT_ACTION["unclear"])


def _show_machine(stored: Stored) -> AutoReply:
    until = stored.arrival.until
    return {
        "message_id": stored.id,
        "contact_id": stored.match.contact_id if stored.match else None,
        "until": until.isoformat() if until else None,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        CheckState, context_schema=SalesContext, input_schema=CheckInput, output_schema=CheckOutput
    )
    builder.add_node("read_mailbox", read_mailbox)
    builder.add_node("tell_campaigns", tell_campaigns)
    builder.add_edge(START, "read_mailbox")
    builder.add_edge("read_mailbox", "tell_campaigns")
    builder.add_edge("tell_campaigns", END)
    return builder.compile(checkpointer=checkpointer, name="reply_check")


graph = build_graph()
