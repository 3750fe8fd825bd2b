"""dedupe_merge on SQLite: what is certain becomes one with all its history, the rest is asked."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from graphs.dedupe_merge_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.erase import erase_contact
from graphs.sales.data.happenings import record_event
from graphs.sales.data.load import load_rows
from graphs.sales.data.provenance import set_field
from graphs.sales.data.suppression import find_suppression, suppress_address
from graphs.sales.data.tables import (
    Company,
    Contact,
    Event,
    Fact,
    Message,
    Opportunity,
    Review,
    Suppression,
    Touch,
)

_ROWS = {
    "campaigns": [{"id": "spring", "name": "Spring"}, {"id": "fall", "name": "Fall"}],
    "companies": [{"id": "acme", "name": "Acme", "domain": "acme.example"}],
}


async def _load(database: Database, now: datetime, *contacts: dict[str, Any]) -> None:
    """Contacts at Acme, as a program would have found them: without a person's word."""
    await load_rows(database, json.dumps(_ROWS), now)
    async with database.begin() as session:
        for given in contacts:
            values = {"company_id": "acme", "source": "test", "created_at": now, "updated_at": now}
            session.add(Contact(**{**values, **given}))


_DANA: dict[str, Any] = {"id": "dana", "name": "Dana Reyes", "email": "dana@acme.example"}
_TWIN: dict[str, Any] = {"id": "twin", "name": "Reyes, Dana"}
_TAGGED: dict[str, Any] = {"id": "tagged", "name": "Dana R", "email": "dana+x@acme.example"}


async def _get(database: Database, contact_id: str) -> Contact:
    async with database.read() as session:
        return await session.get_one(Contact, contact_id)


def _touch(now: datetime, contact_id: str, number: int, state: str, **more: Any) -> Touch:
    campaign = more.pop("campaign_id", "spring")
    return Touch(
        key=f"{campaign}.{contact_id}.{number}", campaign_id=campaign, contact_id=contact_id,
        touch_no=number, state=state, created_at=now, updated_at=now, **more,
    )  # fmt: skip


async def test_one_person_in_two_rows_becomes_one(database: Database, now: datetime) -> None:
    await _load(database, now, _DANA, {**_TWIN, "phone": "+49301234567"})
    answer = await graph.ainvoke({"entity": "contact"})
    assert answer["merged"] == 1
    assert answer["pairs"] == [{"kept_id": "dana", "merged_id": "twin"}]
    assert (await _get(database, "twin")).merged_into == "dana"
    assert (await _get(database, "dana")).phone == "+49301234567"


async def test_a_second_run_changes_nothing(database: Database, now: datetime) -> None:
    await _load(database, now, _DANA, _TWIN, _TAGGED)
    assert (await graph.ainvoke({"entity": "contact"}))["merged"] == 2
    before = await _dump(database)
    answer = await graph.ainvoke({"entity": "contact"})
    assert (answer["merged"], answer["review_pairs"]) == (0, [])
    assert await _dump(database) == before


async def _dump(database: Database) -> list[Any]:
    found: list[Any] = []
    async with database.read() as session:
        for table in (Contact, Company, Event, Touch, Message, Review, Suppression, Fact):
            rows = (await session.execute(select(table.__table__).order_by(table.id))).all()
            found += [tuple(row) for row in rows]
    return found


async def test_a_value_moves_with_where_it_is_from(database: Database, now: datetime) -> None:
    await _load(database, now, _DANA, _TWIN)
    async with database.begin() as session:
        dana = await session.get_one(Contact, "dana")
        twin = await session.get_one(Contact, "twin")
        page: dict[str, Any] = {"source": "https://acme.example/team", "now": now}
        set_field(dana, "title", "CTO", **page, confidence=0.5)
        set_field(dana, "country", "DE", **page, confidence=0.9)
        set_field(twin, "title", "Head of IT", source="person", now=now)
        set_field(twin, "country", "AT", **page, confidence=0.6)
    await graph.ainvoke({"entity": "contact"})
    row = await _get(database, "dana")
    assert (row.title, row.provenance["title"]["source"]) == ("Head of IT", "person")
    assert (row.country, row.provenance["country"]["confidence"]) == ("DE", 0.9)


async def test_of_two_words_of_persons_the_later_one_stays(
    database: Database, now: datetime
) -> None:
    await _load(database, now, _DANA, _TWIN)
    async with database.begin() as session:
        for contact_id, title, days in (("dana", "CTO", 1), ("twin", "CEO", 2)):
            row = await session.get_one(Contact, contact_id)
            set_field(row, "title", title, source="person", now=now + timedelta(days=days))
    await graph.ainvoke({"entity": "contact"})
    assert (await _get(database, "dana")).title == "CEO"


async def test_mails_events_and_deals_go_to_the_row_that_stays(
    database: Database, now: datetime
) -> None:
    await _load(database, now, _DANA, _TAGGED)
    async with database.begin() as session:
        session.add(_touch(now, "dana", 1, "sent"))
        session.add(_touch(now, "dana", 2, "sent"))
        session.add(_touch(now, "tagged", 1, "sent"))
        session.add(Message(key="m1", direction="in", kind="reply", contact_id="tagged", at=now))
        session.add(
            Opportunity(id="o1", contact_id="tagged", stage="new", created_at=now, updated_at=now)
        )
        await session.flush()
        await record_event(session, "replied:m1", "replied", now=now, contact_id="tagged")
    await graph.ainvoke({"entity": "contact"})
    async with database.read() as session:
        for table in (Touch, Message, Opportunity, Event):
            owners = set(await session.scalars(select(table.contact_id)))
            assert owners == {"dana"}, table
        numbers = select(Touch.key, Touch.touch_no).order_by(Touch.key)
        found = (await session.execute(numbers)).all()
    assert found == [("spring.dana.1", 1), ("spring.dana.2", 2), ("spring.tagged.1", None)]


async def test_what_was_planned_for_the_duplicate_is_not_sent(
    database: Database, now: datetime
) -> None:
    await _load(database, now, _DANA, _TAGGED)
    async with database.begin() as session:
        session.add(_touch(now, "dana", 1, "sent"))
        session.add(_touch(now, "tagged", 2, "planned"))
    await graph.ainvoke({"entity": "contact"})
    async with database.read() as session:
        touch = await session.scalar(select(Touch).where(Touch.key == "spring.tagged.2"))
    assert touch is not None
    assert (touch.state, touch.error) == ("cancelled", "Merged")


async def test_nothing_is_merged_while_a_mail_is_on_its_way(
    database: Database, now: datetime
) -> None:
    await _load(database, now, _DANA, _TAGGED)
    lease = now + timedelta(minutes=5)
    async with database.begin() as session:
        session.add(_touch(now, "tagged", 1, "claimed", lease_until=lease))
    answer = await graph.ainvoke({"entity": "contact", "now": now.isoformat()})
    assert (answer["merged"], answer["busy"]) == (0, 1)
    later = (lease + timedelta(seconds=1)).isoformat()
    assert (await graph.ainvoke({"entity": "contact", "now": later}))["merged"] == 1


@pytest.mark.parametrize("asked_at", ["dana@acme.example", "dana+x@acme.example"])
async def test_who_asked_for_no_mail_gets_none_at_either_address(
    database: Database, now: datetime, asked_at: str
) -> None:
    await _load(database, now, _DANA, _TAGGED)
    salt = await database.read_salt()
    async with database.begin() as session:
        await suppress_address(session, asked_at, salt, reason="unsubscribed", now=now)
    await graph.ainvoke({"entity": "contact"})
    async with database.read() as session:
        for address in ("dana@acme.example", "dana+x@acme.example"):
            found = await find_suppression(session, address, salt)
            assert found is not None
            assert found.reason == "unsubscribed"


async def test_a_bounce_stays_with_the_address_that_bounced(
    database: Database, now: datetime
) -> None:
    bad = {**_DANA, "email_status": "invalid"}
    await _load(database, now, bad, _TAGGED)
    salt = await database.read_salt()
    async with database.begin() as session:
        told = {"contact_id": "dana", "class": "hard"}
        await record_event(session, "bounced:1", "bounced", now=now, **told)
        await suppress_address(session, "dana@acme.example", salt, reason="bounced", now=now)
    answer = await graph.ainvoke({"entity": "contact"})
    assert answer["pairs"] == [{"kept_id": "tagged", "merged_id": "dana"}]
    async with database.read() as session:
        assert await find_suppression(session, "dana+x@acme.example", salt) is None
        kinds = select(Event.kind).where(Event.contact_id == "tagged")
        assert set(await session.scalars(kinds)) == {"merged"}


async def test_chains_end_in_one_row(database: Database, now: datetime) -> None:
    third = {"id": "third", "name": "Dana Reyes", "email": "dana+y@acme.example"}
    await _load(database, now, _DANA, _TAGGED, third)
    await graph.ainvoke({"entity": "contact", "ids": ["third"]})
    await graph.ainvoke({"entity": "contact"})
    roots = {(await _get(database, each)).merged_into for each in ("tagged", "third")}
    assert roots == {"dana"}


async def test_what_may_be_one_waits_for_a_person_once(database: Database, now: datetime) -> None:
    other = {"id": "other", "name": "Dana Reyes", "email": "dreyes@acme.example"}
    await _load(database, now, _DANA, other)
    for _ in range(2):
        answer = await graph.ainvoke({"entity": "contact"})
        assert (answer["merged"], answer["open_reviews"]) == (0, 1)
        assert answer["review_pairs"][0]["left_id"] == "dana"
        assert "two addresses" in answer["review_pairs"][0]["reason"]


@pytest.mark.parametrize(("same", "merged"), [(True, 1), (False, 0)])
async def test_a_person_decides_for_good(
    database: Database, now: datetime, same: bool, merged: int
) -> None:
    other = {"id": "other", "name": "Dana Reyes", "email": "dreyes@acme.example"}
    await _load(database, now, _DANA, other)
    await graph.ainvoke({"entity": "contact"})
    decision = {"left_id": "other", "right_id": "dana", "same": same}
    answer = await graph.ainvoke({"entity": "contact", "decisions": [decision]})
    assert (answer["merged"], answer["review_pairs"]) == (merged, [])
    answer = await graph.ainvoke({"entity": "contact"})
    assert (answer["merged"], answer["review_pairs"]) == (0, [])


async def test_rows_that_a_person_told_apart_are_not_joined_over_a_third(
    database: Database, now: datetime
) -> None:
    other = {"id": "other", "name": "Dana Reyes", "email": "dreyes@acme.example"}
    tagged = {"id": "tagged", "name": "Dana Reyes", "email": "dreyes+x@acme.example"}
    await _load(database, now, _DANA, other)
    apart = {"left_id": "dana", "right_id": "other", "same": False}
    await graph.ainvoke({"entity": "contact", "decisions": [apart]})
    await _load(database, now, tagged)
    joined = {"left_id": "dana", "right_id": "tagged", "same": True}
    answer = await graph.ainvoke({"entity": "contact", "decisions": [joined]})
    assert answer["merged"] == 1
    roots = [(await _get(database, each)).merged_into or each for each in ("dana", "other")]
    assert len(set(roots)) == 2


async def test_two_at_once_merge_each_pair_once(database: Database, now: datetime) -> None:
    many = [
        {"id": f"p{n}{side}", "name": f"Person Number{n}", "email": f"p{n}{side}@acme.example"}
        for n in range(6)
        for side in ("", "+x")
    ]
    await _load(database, now, *many)
    answers = await asyncio.gather(*(graph.ainvoke({"entity": "contact"}) for _ in range(3)))
    assert sum(answer["merged"] for answer in answers) == 6
    async with database.read() as session:
        left = select(func.count(Contact.id)).where(Contact.merged_into.is_(None))
        assert await session.scalar(left) == 6


async def test_companies_become_one_with_their_people_and_facts(
    database: Database, now: datetime
) -> None:
    await _load(database, now, _DANA, {**_TWIN, "company_id": None})
    async with database.begin() as session:
        twin = Company(
            id="acme2", name="Acme Inc", website="https://www.acme.example", employees=50,
            created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(twin)
        await session.flush()
        (await session.get_one(Contact, "twin")).company_id = "acme2"
        for company_id, digest, sure in (
            ("acme", "x", 0.5),
            ("acme2", "x", 0.9),
            ("acme2", "y", 1),
        ):
            fact = {"company_id": company_id, "digest": digest, "confidence": sure}
            session.add(Fact(kind="tech", value={"of": company_id}, found_at=now, **fact))
    answer = await graph.ainvoke({"entity": "company"})
    assert answer["pairs"] == [{"kept_id": "acme", "merged_id": "acme2"}]
    async with database.read() as session:
        assert set(await session.scalars(select(Contact.company_id))) == {"acme"}
        facts = select(Fact.digest, Fact.confidence).where(Fact.company_id == "acme")
        found = (await session.execute(facts.order_by(Fact.digest))).all()
        assert (await session.get_one(Company, "acme")).employees == 50
    assert found == [("x", 0.9), ("y", 1.0)]
    assert (await graph.ainvoke({"entity": "contact"}))["merged"] == 1


async def test_a_person_is_erased_with_every_row_and_thread(
    database: Database, now: datetime
) -> None:
    await _load(database, now, _DANA, _TAGGED)
    async with database.begin() as session:
        session.add(_touch(now, "dana", 1, "sent"))
        session.add(_touch(now, "tagged", 1, "sent", campaign_id="fall"))
    await graph.ainvoke({"entity": "contact"})
    erased = await erase_contact(database, "tagged", now)
    assert set(erased.threads) == {"campaign-spring-dana", "campaign-fall-tagged"}
    async with database.read() as session:
        assert (await session.scalars(select(Contact.id))).all() == []


async def test_news_that_came_late_reaches_the_row_that_stays(
    database: Database, now: datetime
) -> None:
    await _load(database, now, _DANA, _TAGGED)
    await graph.ainvoke({"entity": "contact"})
    async with database.begin() as session:
        await record_event(session, "replied:9", "replied", now=now, contact_id="tagged")
    await graph.ainvoke({"entity": "contact"})
    async with database.read() as session:
        owner = select(Event.contact_id).where(Event.key == "replied:9")
        assert await session.scalar(owner) == "dana"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send entity: contact or company"),
        ({"entity": "person"}, "Send entity"),
        ({"entity": "contact", "ids": "dana"}, "ids is a list of at most 1000 ids"),
        ({"entity": "contact", "ids": ["nobody"]}, "no contact nobody"),
        ({"entity": "contact", "decisions": [{"left_id": "a"}]}, "decisions is a list"),
        (
            {
                "entity": "company",
                "decisions": [{"left_id": "a", "right_id": "acme", "same": True}],
            },
            "no company a",
        ),
    ],
)
async def test_what_is_wrong_is_said(
    database: Database, now: datetime, given: dict[str, Any], words: str
) -> None:
    await _load(database, now)
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
