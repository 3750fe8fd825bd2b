"""score_contact: the score, its reasons, which weights it is by, and where it is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from graphs.sales.data import Database
from graphs.sales.data.happenings import record_event
from graphs.sales.data.tables import Company, Contact, Fact, Model, Product
from graphs.sales.scoring.logistic import Weights
from graphs.sales.scoring.models import find_promoted, store_model
from graphs.score_contact_graph import graph

_ICP = {"categories": ["software"], "departments": ["support"]}


async def _fill(database: Database, now: datetime, **contact: Any) -> None:
    stamps = {"created_at": now, "updated_at": now}
    values = {
        "name": "Dana Reyes", "email": "dana@acme.example", "email_status": "valid",
        "title": "Head of Customer Support", **contact,
    }  # fmt: skip
    async with database.begin() as session:
        session.add(Product(id="desk", name="Desk", icp=_ICP, created_at=now))
        session.add(Company(id="acme", name="Acme", category="software", **stamps))
        await session.flush()
        session.add(Contact(id="dana", company_id="acme", **values, **stamps))
        note = {"kind": "signal", "digest": "d", "value": {"note": "hires"}}
        session.add(Fact(company_id="acme", found_at=now - timedelta(days=3), **note))


async def _score(now: datetime, **given: Any) -> dict[str, Any]:
    asked = {"contact_id": "dana", "product_id": "desk", "now": now.isoformat(), **given}
    answer: dict[str, Any] = await graph.ainvoke(asked)
    return answer


async def test_a_decider_in_a_fitting_company_is_an_a_and_the_row_says_so(
    database: Database, now: datetime
) -> None:
    await _fill(database, now)
    answer = await _score(now)
    assert (answer["tier"], answer["model_version"]) == ("A", "rules-1")
    assert 1 <= len(answer["reasons"]) <= 3
    assert "The company fits the product" in answer["reasons"]
    async with database.read() as session:
        row = await session.get_one(Contact, "dana")
    assert (row.score, row.tier, row.score_version) == (answer["score"], "A", "rules-1")


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        ({"email": None}, "Has no address"),
        ({"email_status": "invalid"}, "The address does not exist"),
    ],
)
async def test_who_cannot_be_reached_is_a_d(
    database: Database, now: datetime, contact: dict[str, Any], reason: str
) -> None:
    await _fill(database, now, **contact)
    answer = await _score(now)
    assert (answer["score"], answer["tier"], answer["reasons"]) == (0.0, "D", [reason])


@pytest.mark.parametrize(
    ("kind", "data", "tier"),
    [
        ("unsubscribed", {}, "D"),
        ("complained", {}, "D"),
        ("bounced", {"class": "hard"}, "D"),
        ("bounced", {"class": "soft"}, "A"),
    ],
)
async def test_what_happened_before_settles_it(
    database: Database, now: datetime, kind: str, data: dict[str, Any], tier: str
) -> None:
    await _fill(database, now)
    async with database.begin() as session:
        await record_event(session, "k", kind, now=now, contact_id="dana", **data)
    assert (await _score(now))["tier"] == tier


async def test_weights_that_were_promoted_last_hold(database: Database, now: datetime) -> None:
    await _fill(database, now)
    async with database.begin() as session:
        for days, bias in ((2, -9.0), (1, 4.0)):
            then = now - timedelta(days=days)
            version = await store_model(session, Weights(bias), {}, now=then, promote=True)
        await store_model(session, Weights(-5.0), {}, now=now, promote=False)
    answer = await _score(now)
    assert answer["model_version"] == version
    assert answer["score"] == pytest.approx(0.982, abs=0.001)


async def test_weights_are_kept_as_json_and_once(database: Database, now: datetime) -> None:
    weights = Weights(0.5, {"fit": 1.25})
    async with database.begin() as session:
        first = await store_model(session, weights, {"n": 1}, now=now, promote=False)
        second = await store_model(session, weights, {"n": 2}, now=now, promote=True)
        assert first == second
        assert (await find_promoted(session)).weights == weights
        (row,) = await session.scalars(select(Model))
    assert (row.version, row.metrics, row.promoted_at) == (first, {"n": 2}, now)


async def test_a_merged_contact_is_scored_in_the_row_that_took_its_place(
    database: Database, now: datetime
) -> None:
    await _fill(database, now)
    async with database.begin() as session:
        stamps = {"created_at": now, "updated_at": now}
        session.add(Contact(id="old", merged_into="dana", **stamps))
    assert (await _score(now, contact_id="old"))["tier"] == "A"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"contact_id": ""}, "Send contact_id"),
        ({"contact_id": "no"}, "No contact no"),
        ({"product_id": "no"}, "No product no"),
    ],
)
async def test_what_is_not_there_is_named(
    database: Database, now: datetime, given: dict[str, Any], words: str
) -> None:
    await _fill(database, now)
    with pytest.raises(ValueError, match=words):
        await _score(now, **given)
