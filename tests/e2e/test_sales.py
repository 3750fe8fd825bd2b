"""The sales fleet with a pool killed at each step: the end is the same, and no mail goes twice."""

from __future__ import annotations

import secrets
import smtplib
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from e2e.kube import Kube, Manifest, skip, until
from e2e.processes import frozen, kill_workers
from e2e.sales import CAMPAIGN, PEOPLE, SENDER, Sales, make_address, running_sales, with_sender
from graphs.sales.data.database import Database
from graphs.sales.data.history import Message
from graphs.sales.data.outreach import Touch
from graphs.sales.data.people import Company, Contact

# The step at which a pipeline stands, the pool that works on it, and the pool that is killed then.
KILLS = [
    ("discover", "discovery", "discovery"),
    ("enrich_company", "enrichment", "enrichment"),
    ("score_company", "classification", "classification"),
    ("start_campaign", "email", "email"),
    ("enrich_company", "enrichment", "orchestration"),
]


@pytest.fixture(scope="module")
def sales(
    kube: Kube, fleet: dict[str, Manifest], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sales]:
    if not kube.is_local:
        skip("pods have to reach web, mail and DNS servers of this machine")
    graphs = fleet.values()
    kube.apply(*(with_sender(g) for g in graphs if g["spec"]["capability"] == "email"))
    with running_sales(kube, tmp_path_factory.mktemp("sites")) as running:
        yield running
    kube.apply(*graphs)
    kube.until_ready(*(graph["metadata"]["name"] for graph in graphs))


@pytest.fixture(scope="module")
def undisturbed(sales: Sales, router: httpx.Client) -> dict[str, Any]:
    """What becomes of a company when nothing is killed."""
    domain = sales.make_site("calm")
    start_pipeline(router, "pipeline-calm", domain)
    until("the pipeline ends", lambda: read_end(router, "pipeline-calm"), seconds=120)
    await_first_touches(sales, domain)
    return describe(sales, domain)


def test_an_undisturbed_pipeline_writes_to_everybody_once(undisturbed: dict[str, Any]) -> None:
    assert [each["name"] for each in undisturbed["contacts"]] == sorted(PEOPLE)
    assert undisturbed["touches"] == [(1, "sent")] * len(PEOPLE)
    assert undisturbed["mails"] == [1] * len(PEOPLE)


@pytest.mark.parametrize(("step", "works", "killed"), KILLS)
def test_a_pool_killed_at_a_step_changes_nothing_of_the_end(
    sales: Sales,
    router: httpx.Client,
    undisturbed: dict[str, Any],
    step: str,
    works: str,
    killed: str,
) -> None:
    name = f"{step.partition('_')[0]}-{killed}"
    domain, thread = sales.make_site(name), f"pipeline-{name}"
    with frozen(sales.kube, works):
        start_pipeline(router, thread, domain)
        until(f"the pipeline stands at {step}", lambda: step in read_next(router, thread))
        kill_workers(sales.kube, killed)
    end = until("the pipeline ends", lambda: read_end(router, thread), seconds=180)
    assert end["status"] == "done"
    await_first_touches(sales, domain)
    assert describe(sales, domain) == undisturbed


def test_a_reply_is_taken_up_though_the_pools_that_read_it_are_killed(
    sales: Sales, router: httpx.Client, undisturbed: dict[str, Any]
) -> None:
    contact = sales.read(lambda database: find_contacts(database, "calm.example"))[0]
    answer_first_mail(sales, contact)
    check = {"assistant_id": "reply_check", "input": {"mailbox_id": "sam"}}
    with frozen(sales.kube, "email"):
        calling = threading.Thread(target=router.post, args=("/runs/wait",), kwargs={"json": check})
        calling.start()
        kill_workers(sales.kube, "email")
    calling.join()
    thread = f"campaign-{CAMPAIGN}-{contact.id}"

    def stopped() -> bool:
        router.post("/runs/wait", json=check)
        values = router.get(f"/threads/{thread}/state").json().get("values") or {}
        return values.get("status") == "stopped"

    until("the campaign stops", stopped)
    deal = open_deal(sales, router, contact)
    assert deal["owner_task"]["draft"]["body"]
    assert count_mails(sales, contact.email or "") == 1


def test_each_contact_was_mailed_exactly_once_per_touch(
    sales: Sales, undisturbed: dict[str, Any]
) -> None:
    touches = sales.read(list_touches)
    mails = [mail for touch in touches for mail in sales.mail.list_mails(touch.recipient)]
    assert len(touches) == len({(touch.contact_id, touch.touch_no) for touch in touches})
    assert sorted(str(mail["Message-ID"]) for mail in mails) == sorted(
        str(touch.message_id) for touch in touches
    )


def start_pipeline(router: httpx.Client, thread: str, domain: str) -> None:
    """A pipeline for one company, in the background, without asking anybody."""
    given = {"domains": [domain], "campaign_id": CAMPAIGN, "auto_confirm": True}
    body = {"assistant_id": "pipeline", "input": given, "if_not_exists": "create"}
    answer = router.post(f"/threads/{thread}/runs", json=body)
    assert answer.status_code == 200, answer.text


def read_next(router: httpx.Client, thread: str) -> list[str]:
    """The nodes at which a thread stands."""
    answer = router.get(f"/threads/{thread}/state")
    return answer.json()["next"] if answer.status_code == 200 else []


def read_end(router: httpx.Client, thread: str) -> dict[str, Any] | None:
    """What a thread came to, or None while it is on its way."""
    answer = router.get(f"/threads/{thread}")
    if answer.status_code != 200 or answer.json()["status"] == "busy":
        return None
    values = router.get(f"/threads/{thread}/state").json().get("values") or {}
    assert answer.json()["status"] == "idle", answer.text
    return values if values.get("status") in ("done", "failed", "refused") else None


def describe(sales: Sales, domain: str) -> dict[str, Any]:
    """What there is of a company, without what is its own: ids, times and addresses."""

    async def look(database: Database) -> dict[str, Any]:
        contacts = await find_contacts(database, domain)
        ids = {contact.id for contact in contacts}
        touches = [touch for touch in await list_touches(database) if touch.contact_id in ids]
        async with database.read() as session:
            company = await session.scalar(select(Company).where(Company.domain == domain))
        assert company is not None
        shown = ("name", "title", "seniority", "department", "email_status", "tier", "score")
        return {
            "company": (company.category, company.industry, company.size, company.country),
            "contacts": [{name: getattr(each, name) for name in shown} for each in contacts],
            "touches": sorted((touch.touch_no, touch.state) for touch in touches),
            "mails": [count_mails(sales, each.email or "") for each in contacts],
        }

    return sales.read(look)


def await_first_touches(sales: Sales, domain: str) -> None:
    """A pipeline starts a campaign per contact and does not wait for them: they send later."""

    async def settled(database: Database) -> bool:
        ids = {contact.id for contact in await find_contacts(database, domain)}
        touches = [each for each in await list_touches(database) if each.contact_id in ids]
        on_their_way = any(touch.state in ("planned", "claimed") for touch in touches)
        return len(touches) >= len(ids) and not on_their_way

    until(f"campaigns of {domain} have sent", lambda: sales.read(settled), seconds=120)


async def find_contacts(database: Database, domain: str) -> list[Contact]:
    """The contacts of a company, by name."""
    addresses = [make_address(person, domain) for person in PEOPLE]
    async with database.read() as session:
        query = select(Contact).where(Contact.email.in_(addresses)).order_by(Contact.name)
        return list(await session.scalars(query))


async def list_touches(database: Database) -> list[Touch]:
    """Everything in the outbox."""
    async with database.read() as session:
        return list(await session.scalars(select(Touch)))


def count_mails(sales: Sales, address: str) -> int:
    """How many mails the server has for somebody."""
    return len(sales.mail.list_mails(address))


def answer_first_mail(sales: Sales, contact: Contact) -> None:
    """The recipient answers, as a mail program would."""
    (first,) = sales.mail.list_mails(contact.email or "")
    answer = EmailMessage()
    answer["From"], answer["To"] = f"{contact.name} <{contact.email}>", SENDER
    answer["Subject"] = f"Re: {first['Subject']}"
    answer["Message-ID"] = f"<{secrets.token_hex(8)}@calm.example>"
    answer["In-Reply-To"] = answer["References"] = str(first["Message-ID"])
    answer.set_content("Hi Sam,\n\nthis is interesting. What would it cost for 40 people?\n\nLotte")
    with smtplib.SMTP(sales.mail.host, sales.mail.smtp_port, timeout=30) as server:
        server.send_message(answer)


def open_deal(sales: Sales, router: httpx.Client, contact: Contact) -> dict[str, Any]:
    """The opportunity that a reply opens, with the pool killed that reads the reply."""

    async def find(database: Database) -> str:
        async with database.read() as session:
            query = select(Message).where(Message.contact_id == contact.id)
            messages = await session.scalars(query.where(Message.direction == "in"))
            return str(next(iter(messages)).id)

    event = {"kind": "reply", "message_id": sales.read(find)}
    given = {"contact_id": contact.id, "campaign_id": CAMPAIGN, "owner": "kim", "event": event}
    thread = f"opp-{contact.id}"
    body = {"assistant_id": "opportunity", "input": given, "if_not_exists": "create"}
    with frozen(sales.kube, "classification"):
        answer = router.post(f"/threads/{thread}/runs", json=body)
        assert answer.status_code == 200, answer.text
        until("the opportunity is on its way", lambda: read_next(router, thread))
        kill_workers(sales.kube, "classification")

    def task() -> dict[str, Any] | None:
        values = router.get(f"/threads/{thread}/state").json().get("values") or {}
        return values if values.get("owner_task") else None

    return until("the opportunity has a task", task, seconds=180)
