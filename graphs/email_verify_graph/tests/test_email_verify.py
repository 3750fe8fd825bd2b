"""email_verify on a real DNS server and a database; its judgements by tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dns_server import DnsServer, running_dns_server
from graphs.email_verify_graph import graph
from graphs.email_verify_graph.judging import Evidence, judge
from graphs.sales.data import Database
from graphs.sales.data.happenings import record_event
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import suppress_address
from graphs.sales.data.tables import Contact, Touch
from graphs.sales.dns import SERVERS

_RECORDS = {
    ("acme.example", "MX"): ["20 mx2.acme.example.", "10 mx1.acme.example."],
    ("mx1.acme.example", "A"): ["192.0.2.1"],
    ("xn--mnch-0ra.example", "MX"): ["10 mx1.acme.example."],
    ("bare.example", "A"): ["192.0.2.1"],
    ("nomail.example", "MX"): ["0 ."],
    ("gone.example", "MX"): ["10 mx.gone.example."],
    ("gone.example", "A"): ["192.0.2.1"],
    ("mailinator.com", "MX"): ["10 mx1.acme.example."],
    ("broken.example", "MX"): None,
}


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    with running_dns_server(_RECORDS) as server:
        monkeypatch.setenv(SERVERS, server.address)
        yield server


@pytest.fixture
async def dana(database: Database, now: datetime) -> Contact:
    rows = {
        "companies": [{"id": "acme", "name": "Acme", "domain": "acme.example"}],
        "contacts": [
            {"id": "dana", "email": "dana@acme.example", "company_id": "acme"},
            {"id": "eli", "email": "eli@acme.example", "company_id": "acme"},
        ],
    }
    await load_rows(database, json.dumps(rows), now)
    return await _read(database)


async def _read(database: Database, contact_id: str = "dana") -> Contact:
    async with database.read() as session:
        return await session.get_one(Contact, contact_id)


@pytest.mark.parametrize(
    ("email", "status", "reason"),
    [
        ("Dana.Reyes@acme.example", "valid", "DomainTakesMail"),
        ("jörg@münch.example", "valid", "DomainTakesMail"),
        ("info@acme.example", "risky", "Role"),
        ("sales-emea@acme.example", "risky", "Role"),
        ("dana@mailinator.com", "risky", "Disposable"),
        ("dana@bare.example", "risky", "NoMxRecord"),
        ("dana@nomail.example", "invalid", "NullMx"),
        ("dana@nowhere.example", "invalid", "NoMailServer"),
        ("dana@gone.example", "invalid", "MailServerHasNoAddress"),
        ("dana@broken.example", "unknown", "DnsFailed"),
        ("dana", "invalid", "Syntax"),
        ("dana@localhost", "invalid", "Syntax"),
        ("d" * 65 + "@acme.example", "invalid", "Syntax"),
        ("dana..reyes@acme.example", "invalid", "Syntax"),
        ("Dana <dana@acme.example>", "invalid", "Syntax"),
        ("x" * 5000, "invalid", "Syntax"),
    ],
)
async def test_an_address_is_judged_by_its_form_and_domain(
    database: Database, email: str, status: str, reason: str
) -> None:
    answer = await graph.ainvoke({"email": email})
    assert (answer["status"], answer["reasons"][0]) == (status, reason)
    assert bool(answer["detail"]) is (reason == "Syntax")
    assert answer["stored"] is False


async def test_mail_servers_come_best_first(database: Database) -> None:
    answer = await graph.ainvoke({"email": "dana@acme.example"})
    assert answer["mx"] == ["mx1.acme.example", "mx2.acme.example"]
    assert answer["catch_all"] is None


async def test_the_verdict_is_kept_with_where_it_is_from(
    database: Database, dana: Contact, now: datetime
) -> None:
    answer = await graph.ainvoke({"contact_id": "dana", "now": now.isoformat()})
    assert answer["stored"]
    row = await _read(database)
    assert row.email_status == "valid"
    stamp = {"source": "email_verify", "at": now.isoformat(), "confidence": 0.6}
    assert row.provenance["email_status"] == stamp


async def test_an_address_that_a_contact_has_stands_for_the_contact(
    database: Database, dana: Contact
) -> None:
    answer = await graph.ainvoke({"email": "DANA@acme.example"})
    assert (answer["contact_id"], answer["stored"]) == ("dana", True)


async def test_a_later_look_replaces_an_earlier_one(
    database: Database, dana: Contact, server: DnsServer
) -> None:
    await graph.ainvoke({"contact_id": "dana"})
    server.records["acme.example", "MX"] = ["0 ."]
    await graph.ainvoke({"contact_id": "dana"})
    assert (await _read(database)).email_status == "invalid"
    server.records["acme.example", "MX"] = ["10 mx1.acme.example."]
    await graph.ainvoke({"contact_id": "dana"})
    assert (await _read(database)).email_status == "valid"


async def test_a_dns_that_fails_changes_nothing(
    database: Database, dana: Contact, server: DnsServer
) -> None:
    await graph.ainvoke({"contact_id": "dana"})
    server.records["acme.example", "MX"] = None
    answer = await graph.ainvoke({"contact_id": "dana"})
    assert (answer["status"], answer["stored"]) == ("unknown", False)
    assert (await _read(database)).email_status == "valid"


async def test_what_a_person_said_is_told_apart_and_stays(
    database: Database, dana: Contact, now: datetime
) -> None:
    await load_rows(database, "contacts: [{id: dana, email_status: risky}]", now)
    answer = await graph.ainvoke({"contact_id": "dana"})
    assert (answer["status"], answer["stored"]) == ("valid", False)
    assert (await _read(database)).email_status == "risky"


@pytest.mark.parametrize("how", ["event", "suppression", "status"])
async def test_an_address_that_bounced_stays_invalid(
    database: Database, dana: Contact, now: datetime, how: str
) -> None:
    await graph.ainvoke({"contact_id": "eli"})
    async with database.begin() as session:
        row = await session.get_one(Contact, "dana")
        if how == "event":
            told = {"contact_id": "dana", "status": "5.1.1", "class": "hard"}
            await record_event(session, "bounced:1", "bounced", now=now, **told)
        elif how == "suppression":
            salt = await database.read_salt()
            await suppress_address(session, row.email or "", salt, reason="bounced", now=now)
        row.email_status = "invalid"
    for _ in range(2):
        answer = await graph.ainvoke({"contact_id": "dana"})
        assert (answer["status"], answer["reasons"]) == ("invalid", ["Bounced"])
    assert (await _read(database)).email_status == "invalid"


async def test_a_soft_bounce_says_nothing_of_the_address(
    database: Database, dana: Contact, now: datetime
) -> None:
    async with database.begin() as session:
        told = {"contact_id": "dana", "status": "4.2.2", "class": "soft"}
        await record_event(session, "bounced:1", "bounced", now=now, **told)
    assert (await graph.ainvoke({"contact_id": "dana"}))["status"] == "valid"


async def test_whoever_replied_has_an_address(
    database: Database, dana: Contact, now: datetime, server: DnsServer
) -> None:
    async with database.begin() as session:
        await record_event(session, "replied:1", "replied", now=now, contact_id="dana")
    server.records["acme.example", "MX"] = None
    answer = await graph.ainvoke({"contact_id": "dana"})
    assert (answer["status"], answer["reasons"]) == ("valid", ["Replied"])


@pytest.mark.parametrize(("days", "reason"), [(6, "Delivered"), (1, "DomainTakesMail")])
async def test_a_mail_that_did_not_come_back_in_time_arrived(
    database: Database, dana: Contact, now: datetime, days: int, reason: str
) -> None:
    sent = {"state": "sent", "sent_at": now - timedelta(days=days)}
    async with database.begin() as session:
        session.add(
            Touch(
                key="k", contact_id="dana", recipient="dana@acme.example", created_at=now,
                updated_at=now, **sent,
            )
        )  # fmt: skip
    answer = await graph.ainvoke({"contact_id": "dana", "now": now.isoformat()})
    assert answer["reasons"] == [reason]


async def test_a_domain_that_bounced_a_stranger_is_no_catch_all(
    database: Database, dana: Contact, now: datetime
) -> None:
    async with database.begin() as session:
        told = {"contact_id": "eli", "status": "5.1.1", "class": "hard"}
        await record_event(session, "bounced:1", "bounced", now=now, **told)
    assert (await graph.ainvoke({"contact_id": "dana"}))["catch_all"] is False


async def test_a_duplicate_is_verified_as_the_row_that_took_its_place(
    database: Database, dana: Contact
) -> None:
    async with database.begin() as session:
        (await session.get_one(Contact, "eli")).merged_into = "dana"
    assert (await graph.ainvoke({"contact_id": "eli"}))["contact_id"] == "dana"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send contact_id, or email"),
        ({"contact_id": "x", "email": "a@b.example"}, "Send contact_id, or email"),
        ({"contact_id": "nobody"}, "no contact nobody"),
        ({"contact_id": "fay"}, "contact fay has no address"),
    ],
)
async def test_what_is_missing_is_said(
    database: Database, now: datetime, given: dict[str, Any], words: str
) -> None:
    await load_rows(database, "contacts: [{id: fay, name: Fay}]", now)
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)


@pytest.mark.parametrize(
    ("evidence", "status", "reasons"),
    [
        (Evidence("mx", asked="taken", catch_all=False), "valid", ("ServerTookIt",)),
        (Evidence("mx", asked="taken", catch_all=True), "risky", ("CatchAll",)),
        (Evidence("mx", asked="taken"), "valid", ("DomainTakesMail",)),
        (Evidence("mx", asked="refused"), "invalid", ("MailboxRefused",)),
        (Evidence("mx", asked="unclear"), "valid", ("DomainTakesMail",)),
        (Evidence("mx", True, True), "risky", ("Disposable", "Role")),
        (Evidence("mx", True, has_replied=True), "valid", ("Replied",)),
        (Evidence("mx", has_bounced=True, has_replied=True), "invalid", ("Bounced",)),
    ],
)
def test_evidence_is_weighed(evidence: Evidence, status: str, reasons: tuple[str, ...]) -> None:
    found = judge(evidence)
    assert (found.status, found.reasons) == (status, reasons)


@given(st.builds(Evidence))
def test_every_evidence_leads_to_a_verdict_with_a_reason(evidence: Evidence) -> None:
    found = judge(evidence)
    assert found.reasons
    assert 0 <= found.confidence <= 1
    assert (found.status == "unknown") == (found.confidence == 0)
