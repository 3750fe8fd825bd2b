"""Erasure: nothing of a person stays in any table, and nobody brings them back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table, select

from graphs.import_contacts_graph import graph as import_contacts
from graphs.sales.data import Database
from graphs.sales.data.erase import erase_contact
from graphs.sales.data.happenings import record_event
from graphs.sales.data.ids import normalise_name
from graphs.sales.data.load import load_rows
from graphs.sales.data.people import Company
from graphs.sales.data.suppression import make_person_keys
from graphs.sales.data.tables import (
    Contact,
    Fact,
    Message,
    Opportunity,
    Review,
    Touch,
    metadata,
)
from graphs.sales.discovery.people import keep_people
from graphs.sales.web import FoundPerson

_PROFILE = "https://www.linkedin.com/in/dana"
_TRACES = ("dana", "reyes", "+4930901820", "linkedin")
_ROWS = f"""
mailboxes: [{{id: sam, address: sam@northwind.example}}]
campaigns: [{{id: spring, name: Spring, mailbox_id: sam}}]
companies: [{{id: acme, name: Acme, domain: acme.example}}]
contacts:
  - {{id: c1, company_id: acme, name: Dana Reyes, email: dana@acme.example, phone: "+4930901820", profile_url: "{_PROFILE}"}}
  - {{id: c2, company_id: acme, name: D. Reyes, email: reyes@acme.example}}
  - {{id: c3, company_id: acme, name: Bo Li, email: bo@acme.example}}
"""  # noqa: E501


async def _fill(database: Database, now: datetime) -> None:
    """A person in every table that may know one, and a colleague who stays."""
    await load_rows(database, _ROWS, now)
    times = {"created_at": now, "updated_at": now}
    async with database.begin() as session:
        (await session.get_one(Contact, "c2")).merged_into = "c1"
        for number, (contact, to) in enumerate(
            [("c1", "dana@acme.example"), (None, "reyes@acme.example"), ("c3", "bo@acme.example")]
        ):
            session.add(
                Touch(id=f"t{number}", key=f"k{number}", contact_id=contact, recipient=to,
                      text=f"Hi {to}", **times)
            )  # fmt: skip
        await session.flush()
        for key, contact, touch, raw in (
            ("m1", "c1", "t0", "From: dana@acme.example"),
            ("m2", None, "t1", "To: someone"),
            ("m3", None, None, "From: Dana <DANA@acme.example>"),
            ("m4", "c3", "t2", "From: bo@acme.example"),
        ):
            session.add(
                Message(id=key, key=key, direction="in", kind="reply", contact_id=contact,
                        touch_id=touch, raw=raw, at=now)
            )  # fmt: skip
        await session.flush()
        session.add(
            Opportunity(id="o1", contact_id="c1", message_id="m1", stage="new",
                        next_step="Call Dana", owner_task={"text": "Dana"}, data={"x": "Dana"},
                        **times)
        )  # fmt: skip
        session.add(
            Review(entity="contact", left_id="c1", right_id="c3", score=0.9,
                   reason="Dana Reyes and Bo Li", created_at=now)
        )  # fmt: skip
        for digest, value, evidence in (
            ("1", {"note": "appointed Dana Reyes"}, None),
            ("2", {"url": "https://acme.example/team"}, "Write to DANA@acme.example"),
            ("3", {"name": "Zendesk"}, "zendesk.js"),
        ):
            session.add(
                Fact(company_id="acme", kind="signal", digest=digest, value=value,
                     evidence=evidence, found_at=now)
            )  # fmt: skip
        await record_event(session, "replied:m1", "replied", now=now, contact_id="c1")


async def _read_all(database: Database) -> str:
    """Every cell of every table, in lower case."""
    tables: Sequence[Table] = metadata.sorted_tables
    async with database.read() as session:
        cells = [str(row) for each in tables for row in await session.execute(select(each))]
    return "\n".join(cells).lower()


async def test_nothing_of_an_erased_person_is_in_any_table(
    database: Database, now: datetime
) -> None:
    await _fill(database, now)
    before = await _read_all(database)
    assert all(trace in before for trace in _TRACES)
    done = await erase_contact(database, "c2", now)
    after = await _read_all(database)
    assert [trace for trace in _TRACES if trace in after] == []
    assert (done.messages, done.touches, done.facts, done.mentions) == (3, 2, 2, ())
    assert "bo@acme.example" in after
    assert "zendesk" in after


async def test_mails_of_others_that_name_the_person_are_left_for_somebody_to_look_at(
    database: Database, now: datetime
) -> None:
    await _fill(database, now)
    async with database.begin() as session:
        (await session.get_one(Message, "m4")).raw = "From: bo\n\nAsk dana@acme.example"
    assert (await erase_contact(database, "c1", now)).mentions == ("m4",)


async def _import(now: datetime, row: dict[str, Any]) -> list[str]:
    answer = await import_contacts.ainvoke({"rows": [row], "now": now.isoformat()})
    return [note["reason"] for note in answer["rejected"]]


async def test_who_was_erased_is_known_again_by_address_profile_or_name(
    database: Database, now: datetime
) -> None:
    await _fill(database, now)
    await erase_contact(database, "c1", now)
    refused = ["suppressed: they asked to be erased, and must not come back"]
    for row in (
        {"email": "Dana@acme.example"},
        {"email": "reyes@acme.example"},
        {"email": "new@acme.example", "linkedin": "linkedin.com/in/dana"},
        {"email": "d@gmail.com", "name": "REYES, Dana", "company": "ACME"},
        {"name": "Dana Reyes", "website": "acme.example"},
        {"email": "dana.reyes@acme.example", "name": "Dana Reyes"},
    ):
        assert await _import(now, row) == refused, row
    assert await _import(now, {"name": "Dana Reyes", "company": "Elsewhere"}) == []


async def test_who_was_erased_is_not_found_again_on_the_companys_site(
    database: Database, now: datetime
) -> None:
    await _fill(database, now)
    await erase_contact(database, "c1", now)
    salt = await database.read_salt()
    people = [(FoundPerson("Dana Reyes"), "https://acme.example/team")]
    async with database.begin() as session:
        company = await session.get_one(Company, "acme")
        kept = await keep_people(session, company, people, salt, now)
    assert (kept.inserted_ids, dict(kept.rejected)) == ([], {"Erased": 1})


_NAMES = st.text(st.characters(categories=("Lu", "Ll", "Lo")), min_size=1, max_size=8)


@given(_NAMES, _NAMES, st.text(min_size=1, max_size=12))
def test_a_name_is_known_in_any_order_and_only_under_its_salt(
    first: str, last: str, salt: str
) -> None:
    keys = make_person_keys(salt, name=f"{first} {last}", companies=["Acme", "acme.example"])
    written = f" {last},  {first} "
    assert keys == make_person_keys(salt, name=written, companies=["ACME ", "acme.example"])
    assert not set(keys) & set(make_person_keys(salt + "x", name=written, companies=["Acme"]))


def test_a_name_is_known_in_any_case_and_without_accents() -> None:
    assert normalise_name("MÜLLER, José") == normalise_name("jose muller")


def test_a_single_name_is_no_key() -> None:
    assert make_person_keys("salt", name="Dana", companies=["Acme"]) == []
