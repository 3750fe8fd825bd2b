"""One day of the sales workflows: found, written to, answered, and a deal that begins."""

from __future__ import annotations

import asyncio
import secrets
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import yaml

from demo.stage import ROOT, SENDER, SITES, Stage
from graphs.sales.data.database import URL, close_databases, open_database
from graphs.sales.data.load import load_rows
from graphs.sales.data.people import Contact

CAMPAIGN = "spring"
_WAIT_SECONDS = 120.0
_ANY_TIME = {"days": [0, 1, 2, 3, 4, 5, 6], "start": "00:00", "end": "23:59:59"}
ANSWER = """Hi Sam,

this looks interesting. What would it cost for 40 people, and does it work with Outlook?

Best,
{name}
"""


class StoryFailed(Exception):
    """Something did not come out as it should; the text says what."""


@dataclass(frozen=True)
class Step:
    """One step: what is told of it, and what a program may read."""

    name: str
    title: str
    lines: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


def play(stage: Stage) -> Iterator[Step]:
    """The story, step by step, each once it has happened.

    Raises:
        StoryFailed: it went another way.
    """
    yield tell_fleet(stage)
    seed(stage)
    asked, step = find_people(stage)
    yield step
    trace_id = make_trace_id()
    yield approve(stage, asked, trace_id)
    contact = read_contact(stage, asked["chosen"][0]["contact_id"])
    first, step = read_first_mail(stage, contact)
    yield step
    yield send_answer(stage, contact, first)
    reply, step = check_replies(stage, contact)
    yield step
    yield open_deal(stage, reply)
    yield show_trace(stage, trace_id)


def tell_fleet(stage: Stage) -> Step:
    """How many graphs there are, by pool."""
    pools: dict[str, int] = {}
    for pool in stage.graphs.values():
        pools[pool] = pools.get(pool, 0) + 1
    lines = [f"{pool}: {count}" for pool, count in sorted(pools.items())]
    total = f"{len(stage.graphs)} graphs in {len(pools)} pools, each a process of its own"
    return Step("fleet", total, tuple(lines), {"graphs": sorted(stage.graphs), "pools": pools})


def seed(stage: Stage) -> None:
    """What a sales team brings along: a product, a mailbox and a campaign."""
    rows = {
        "products": [
            {
                "id": "desk",
                "name": "Northwind Desk",
                "value_proposition": "it halves the time to answer a ticket",
            }
        ],
        "mailboxes": [
            {
                "id": "sam", "address": SENDER, "display_name": "Sam Lee",
                "smtp": stage.mail.smtp, "imap": stage.mail.imap(SENDER),
                "password_env": "SALES_DEMO_PASSWORD", "window": _ANY_TIME,
                "min_gap_seconds": 0, "jitter_seconds": 0,
            }
        ],
        "campaigns": [
            {"id": CAMPAIGN, "name": "Spring", "product_id": "desk", "mailbox_id": "sam"}
        ],
    }  # fmt: skip

    async def load() -> None:
        database = await open_database({URL: stage.database_url})
        await load_rows(database, yaml.safe_dump(rows), datetime.now(UTC))
        await close_databases()

    asyncio.run(load())


def find_people(stage: Stage) -> tuple[dict[str, Any], Step]:
    """Discover companies, enrich them, verify addresses and score, in four pools."""
    domains = sorted(site.name for site in SITES.iterdir())
    given = {"domains": domains, "campaign_id": CAMPAIGN, "limits": {"contacts_per_company": 1}}
    answer = run(stage, "pipeline-demo", "pipeline", input=given)
    asked = read_interrupt(answer)
    lines = [f"looked at {', '.join(domains)}"]
    for name, report in asked["reports"].items():
        errors = f", {report['errors']} errors" if report["errors"] else ""
        lines.append(f"{name}: {report['processed']} looked at, {report['created']} made{errors}")
    for each in asked["chosen"]:
        score = "" if each["score"] is None else f", score {each['score']:.2f}"
        lines.append(f"chosen: {each['title'] or 'a contact'} of {each['company']}{score}")
    lines += [f"left out: {count} ({reason})" for reason, count in asked["left_out"].items()]
    if not asked["chosen"]:
        raise StoryFailed(f"nobody was chosen: {answer}")
    facts = {name: asked[name] for name in ("reports", "chosen", "left_out")}
    facts["failures"] = answer["failures"]
    return asked, Step("pipeline", "The pipeline asks before it writes", tuple(lines), facts)


def approve(stage: Stage, asked: Mapping[str, Any], trace_id: str) -> Step:
    """A person says yes, and a campaign begins for each of the chosen."""
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    command = {"resume": {"approved": True, "by": "kim"}}
    answer = run(stage, "pipeline-demo", "pipeline", command=command, headers=headers)
    if answer.get("status") != "done" or len(answer["threads"]) != len(asked["chosen"]):
        raise StoryFailed(f"the pipeline did not come to its end: {answer}")
    lines = tuple(f"started {thread}" for thread in answer["threads"])
    facts = {name: answer[name] for name in ("threads", "reports", "failures")}
    facts["trace_id"] = trace_id
    return Step("approval", "A person approves, and the campaigns start", lines, facts)


def read_first_mail(stage: Stage, contact: Contact) -> tuple[EmailMessage, Step]:
    """The mail as the mail server has it."""
    address = contact.email or ""
    mail = wait(lambda: next(iter(stage.mail.list_mails(address)), None), f"a mail to {address}")
    headers = [f"{name}: {mail[name]}" for name in ("From", "To", "Subject", "List-Unsubscribe")]
    body = mail.get_body(("plain",))
    text = body.get_content().strip() if body is not None else ""
    lines = (*headers, "", *text.splitlines())
    facts = {"message_id": str(mail["Message-ID"]), "subject": str(mail["Subject"])}
    return mail, Step("mail", "The first mail is in the recipient's mailbox", lines, facts)


def send_answer(stage: Stage, contact: Contact, first: EmailMessage) -> Step:
    """The recipient answers, as a mail program would."""
    answer = EmailMessage()
    answer["From"], answer["To"] = f"{contact.name} <{contact.email}>", SENDER
    answer["Subject"] = f"Re: {first['Subject']}"
    answer["Message-ID"] = f"<{secrets.token_hex(8)}@{(contact.email or '').partition('@')[2]}>"
    answer["In-Reply-To"] = answer["References"] = str(first["Message-ID"])
    text = ANSWER.format(name=(contact.name or "").partition(" ")[0])
    answer.set_content(text)
    with smtplib.SMTP(stage.mail.host, stage.mail.smtp_port, timeout=30) as server:
        server.send_message(answer)
    wait(lambda: stage.mail.list_mails(SENDER), "the answer in the sender's mailbox")
    lines = tuple(text.strip().splitlines())
    return Step("answer", "The recipient answers", lines, {"to": SENDER})


def check_replies(stage: Stage, contact: Contact) -> tuple[dict[str, Any], Step]:
    """The tick reads the mailbox; the campaign hears of it and stops."""
    found = run(stage, None, "reply_check", input={"mailbox_id": "sam"})
    if not found.get("matched"):
        raise StoryFailed(f"the answer was not matched: {found}")
    reply = found["matched"][0]
    thread = f"campaign-{CAMPAIGN}-{contact.id}"

    def look() -> dict[str, Any] | None:
        values = stage.sdk.threads.get_state(thread)["values"]
        return values if isinstance(values, dict) and values.get("status") == "stopped" else None

    stopped = wait(look, f"{thread} to stop")
    lines = (
        f"matched by {reply['matched_by']}",
        f"{thread}: {stopped['status']}, {stopped['stop_reason']}",
    )
    facts = {**reply, "thread": thread, "stop_reason": stopped["stop_reason"]}
    return reply, Step("tick", "The next tick finds it and stops the sequence", lines, facts)


def open_deal(stage: Stage, reply: Mapping[str, Any]) -> Step:
    """The reply is classified, an answer drafted, and an opportunity opened for its owner."""
    given = {
        "contact_id": reply["contact_id"], "campaign_id": reply["campaign_id"], "owner": "kim",
        "event": {"kind": "reply", "message_id": reply["message_id"]},
    }  # fmt: skip
    answer = run(stage, f"opp-{reply['contact_id']}", "opportunity", input=given)
    if answer.get("errors") or not answer.get("owner_task"):
        raise StoryFailed(f"the opportunity has no task: {answer}")
    task = answer["owner_task"]
    draft = task.get("draft") or {}
    lines = (
        f"stage {answer['stage']}; next: {answer['next_step']}; task for kim: {task['kind']}",
        *(f"because: {reason}" for reason in draft.get("reasons", ())),
        "", f"Subject: {draft.get('subject')}", "", *str(draft.get("body") or "").splitlines(),
    )  # fmt: skip
    facts = {"stage": answer["stage"], "task": task, "wake_at": answer["wake_at"]}
    return Step("opportunity", "An opportunity opens, with an answer drafted", lines, facts)


def show_trace(stage: Stage, trace_id: str) -> Step:
    """The approval as one tree: router, pipeline, router, campaign, mail server."""
    command = [
        sys.executable, "-c", "from graphwarden.cli import main; main()", "trace", trace_id,
        "--url", stage.url,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoryFailed(f"graphwarden trace {trace_id}: {done.stderr.strip()}")
    title = f"The approval as one trace: graphwarden trace {trace_id}"
    tree = done.stdout.splitlines()
    return Step("trace", title, tuple(tree), {"trace_id": trace_id, "tree": tree})


def run(stage: Stage, thread_id: str | None, assistant_id: str, **more: Any) -> dict[str, Any]:
    """What a graph answers through the router."""
    if thread_id is not None and "input" in more:
        more["if_not_exists"] = "create"
    runs: Any = stage.sdk.runs
    answer = runs.wait(thread_id, assistant_id, raise_error=False, **more)
    if not isinstance(answer, dict) or "__error__" in answer:
        raise StoryFailed(f"{assistant_id}: {answer}")
    return answer


def read_interrupt(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What a waiting graph asks."""
    asked = answer.get("__interrupt__")
    if not asked:
        raise StoryFailed(f"the graph did not ask anything: {dict(answer)}")
    return dict(asked[0]["value"])


def read_contact(stage: Stage, contact_id: str) -> Contact:
    """A contact's row."""

    async def read() -> Contact:
        database = await open_database({URL: stage.database_url})
        async with database.read() as session:
            row = await session.get_one(Contact, contact_id)
        await close_databases()
        return row

    return asyncio.run(read())


def wait(look: Callable[[], Any], what: str) -> Any:
    """Look until there is something."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        with suppress(KeyError):
            if found := look():
                return found
        time.sleep(0.1)
    raise StoryFailed(f"waited {_WAIT_SECONDS:g} s for {what}")


def make_trace_id() -> str:
    """32 hex digits."""
    return secrets.token_hex(16)
