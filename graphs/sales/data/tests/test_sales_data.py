"""The sales database, on SQLite: rows, provenance, suppression, loading, erasure."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from graphs.sales.data.database import Database, DatabaseMissing, connect, normalise_url
from graphs.sales.data.erase import erase_contact
from graphs.sales.data.happenings import record_event
from graphs.sales.data.ids import hash_address, make_id, normalise_address, normalise_domain
from graphs.sales.data.load import InvalidRows, load_rows
from graphs.sales.data.provenance import PERSON, set_field
from graphs.sales.data.suppression import find_suppression, suppress_address, suppress_domain
from graphs.sales.data.tables import Campaign, Contact, Event, Message, Opportunity, Touch

_ROWS = """
products: [{id: desk, name: Northwind Desk}]
mailboxes: [{id: sam, address: " Sam@northwind.example ", daily_cap: 20}]
campaigns: [{id: spring, name: Spring, product_id: desk, mailbox_id: sam}]
companies: [{id: acme, name: Acme, domain: "https://www.acme.example/about"}]
contacts: [{id: dana, company_id: acme, name: Dana Reyes, email: Dana@acme.example}]
"""


async def _load(database: Database, now: datetime, text: str = _ROWS) -> None:
    await load_rows(database, text, now)


async def test_rows_are_loaded_by_id_and_normalised(database: Database, now: datetime) -> None:
    await _load(database, now)
    async with database.read() as session:
        contact = await session.get_one(Contact, "dana")
    assert contact.email == "dana@acme.example"
    assert contact.provenance["name"]["source"] == PERSON
    assert contact.created_at == now


async def test_loading_again_keeps_what_the_file_does_not_name(
    database: Database, now: datetime
) -> None:
    await _load(database, now)
    later = now + timedelta(days=1)
    await _load(database, later, "contacts: [{id: dana, title: Head of Support}]")
    async with database.read() as session:
        contact = await session.get_one(Contact, "dana")
    assert (contact.name, contact.title) == ("Dana Reyes", "Head of Support")
    assert (contact.created_at, contact.updated_at) == (now, later)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "write a mapping"),
        ("a: [", "no YAML"),
        ("people: []", "people is none of products"),
        ("contacts: {}", "contacts is no list"),
        ("contacts: [{name: X}]", "contacts, row 1: write a mapping with an id"),
        ("contacts: [{id: x, nmae: X}]", "contacts, row 1: nmae is none of"),
        ("contacts: [{id: x, company_id: nobody}]", "contacts, row 1: FOREIGN KEY"),
        ("companies: [{id: a, name: A, domain: a.b}, {id: b, name: B, domain: a.b}]", "row 2"),
    ],
)
async def test_a_row_that_does_not_fit_is_named(
    database: Database, now: datetime, text: str, words: str
) -> None:
    with pytest.raises(InvalidRows, match=words):
        await _load(database, now, text)


async def test_a_file_is_loaded_whole_or_not_at_all(database: Database, now: datetime) -> None:
    with pytest.raises(InvalidRows):
        await _load(database, now, _ROWS + "opportunities: []")
    async with database.read() as session:
        assert (await session.scalars(select(Contact))).all() == []


async def test_an_event_told_twice_happened_once(database: Database, now: datetime) -> None:
    async with database.begin() as session:
        first = await record_event(session, "sent:1", "sent", now=now, contact_id="dana")
        second = await record_event(session, "sent:1", "sent", now=now, contact_id="dana")
    assert (first, second) == (True, False)


@pytest.mark.parametrize("address", ["DANA@acme.example", " dana@acme.example "])
async def test_a_suppressed_address_is_found_however_it_is_written(
    database: Database, now: datetime, address: str
) -> None:
    salt = await database.read_salt()
    async with database.begin() as session:
        await suppress_address(session, "Dana@Acme.example", salt, reason="objected", now=now)
        found = await find_suppression(session, address, salt)
    assert found is not None
    assert found.reason == "objected"
    assert "acme" not in found.value


@pytest.mark.parametrize(
    ("address", "is_found"),
    [
        ("a@acme.example", True),
        ("a@mail.acme.example", True),
        ("a@notacme.example", False),
        ("a@example", False),
    ],
)
async def test_a_suppressed_domain_covers_its_subdomains(
    database: Database, now: datetime, address: str, is_found: bool
) -> None:
    async with database.begin() as session:
        await suppress_domain(session, "https://acme.example/", reason="manual", now=now)
        found = await find_suppression(session, address, "salt")
    assert (found is not None) is is_found


async def test_a_suppression_of_one_campaign_leaves_others(
    database: Database, now: datetime
) -> None:
    async with database.begin() as session:
        await suppress_address(
            session, "a@b.example", "salt", reason="unsubscribed", now=now, scope="spring"
        )
        assert await find_suppression(session, "a@b.example", "salt", "spring")
        assert not await find_suppression(session, "a@b.example", "salt", "autumn")


async def test_an_erased_person_leaves_nothing_but_the_hash(
    database: Database, now: datetime
) -> None:
    await _load(database, now)
    async with database.begin() as session:
        times = {"created_at": now, "updated_at": now}
        session.add(Contact(id="twin", email="d.reyes@acme.example", merged_into="dana", **times))
        session.add(
            Touch(
                id="t1", key="spring.dana.1", campaign_id="spring", contact_id="dana", touch_no=1,
                text="Hi Dana", recipient="dana@acme.example", **times,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            Message(
                id="m1", key="<a@b>", direction="in", kind="reply", contact_id="dana",
                touch_id="t1", raw="I am Dana", at=now,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            Opportunity(
                id="o1",
                contact_id="dana",
                message_id="m1",
                stage="new",
                data={"x": "Dana"},
                **times,
            )
        )
        await record_event(session, "replied:m1", "replied", now=now, contact_id="dana")
    done = await erase_contact(database, "dana", now)
    assert (done.messages, done.touches, done.suppressed) == (1, 1, True)
    assert done.threads == ("campaign-spring-dana", "opp-o1")
    salt = await database.read_salt()
    async with database.read() as session:
        for table in (Contact, Touch, Message):
            assert (await session.scalars(select(table))).all() == []
        event = (await session.scalars(select(Event))).one()
        deal = (await session.scalars(select(Opportunity))).one()
        for address in ("dana@acme.example", "d.reyes@acme.example"):
            assert await find_suppression(session, address, salt)
    assert event.contact_id is None
    assert (deal.contact_id, deal.data) == (None, {})


async def test_nobody_is_erased_by_a_wrong_id(database: Database, now: datetime) -> None:
    with pytest.raises(LookupError, match="no contact nobody"):
        await erase_contact(database, "nobody", now)


@pytest.mark.parametrize(
    ("known", "found", "wins"),
    [
        (None, ("https://acme.example", 0.5), True),
        (("https://acme.example", 0.5), ("https://acme.example/team", 0.8), True),
        (("https://acme.example", 0.8), ("https://acme.example/team", 0.5), False),
        ((PERSON, 1.0), ("https://acme.example", 1.0), False),
        (("https://acme.example", 1.0), (PERSON, 1.0), True),
        (("https://acme.example", 0.8), ("https://acme.example", 0.5), True),
    ],
)
def test_what_is_surer_stays_and_what_a_person_said_stays(
    now: datetime, known: tuple[str, float] | None, found: tuple[str, float], wins: bool
) -> None:
    contact = Contact(name="", provenance={})
    if known:
        set_field(contact, "title", "old", source=known[0], confidence=known[1], now=now)
    assert set_field(contact, "title", "new", source=found[0], confidence=found[1], now=now) is wins
    assert contact.title == ("new" if wins else "old")


async def test_another_kind_of_database_is_refused_in_words() -> None:
    with pytest.raises(DatabaseMissing, match="'mysql'; use postgresql:// or sqlite:///"):
        normalise_url("mysql://x")


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseMissing, match="set SALES_DATABASE_URL"):
        await connect(f"sqlite+aiosqlite:///{tmp_path}/file/sales.db")


def test_ids_sort_by_their_time_and_fit_into_a_thread_id() -> None:
    ids = [make_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert [each[:12] for each in ids] == sorted(each[:12] for each in ids)
    assert all(each.isalnum() for each in ids)


@given(st.from_regex(r"[a-z0-9]{1,20}(\.[a-z0-9]{1,20}){1,3}", fullmatch=True))
def test_a_domain_is_the_same_by_url_host_or_address(domain: str) -> None:
    bare = normalise_domain(domain)
    for written in (
        f"https://{domain}/a?b#c",
        f"http://{domain}:8080",
        f"x@{domain}",
        f"{domain}.",
    ):
        assert normalise_domain(written.upper()) == bare
    assert normalise_domain(bare) == bare or bare.startswith("www.")


@given(st.emails(), st.text(min_size=1))
def test_a_hash_depends_on_the_salt_and_not_on_the_spelling(address: str, salt: str) -> None:
    found = hash_address(address, salt)
    assert found == hash_address(f" {normalise_address(address)}", salt)
    assert found != hash_address(address, salt + "x")


async def test_a_campaign_refers_to_a_mailbox_that_is_there(
    database: Database, now: datetime
) -> None:
    with pytest.raises(InvalidRows, match="FOREIGN KEY"):
        await _load(database, now, "campaigns: [{id: c, name: C, mailbox_id: none}]")
    async with database.read() as session:
        assert await session.get(Campaign, "c") is None
