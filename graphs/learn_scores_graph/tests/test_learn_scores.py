"""learn_scores: what counts as an outcome, when weights hold, and the whole on a database."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from graphs.learn_scores_graph import graph
from graphs.learn_scores_graph.history import judge_events, read_examples
from graphs.learn_scores_graph.training import Outcome, compare, decide, is_held_out
from graphs.sales.data import Database
from graphs.sales.data.tables import Campaign, Contact, Event, Message, Model, Touch
from graphs.sales.mailing.arrivals import sort_arrival
from graphs.sales.mailing.ingest import store
from graphs.sales.scoring.score import RULES
from graphs.score_contact_graph import graph as score_contact

_WAIT = timedelta(days=14)
_GUESSED_AS_REFUSAL = b"Thanks for this, everybody here agreed to buy.\n"


def _event(kind: str, now: datetime, days: float, **data: Any) -> Event:
    return Event(key=kind, kind=kind, at=now - timedelta(days=days), data=data)


@pytest.mark.parametrize(
    ("kinds", "good"),
    [
        (["sent:30"], False),
        (["sent:3"], None),
        (["sent:3", "replied:1"], True),
        (["sent:3", "replied:1:interested"], True),
        (["sent:3", "replied:1:not_interested"], False),
        (["sent:3", "replied:2:not_interested", "replied:1:interested"], True),
        (["sent:30", "unsubscribed:29"], False),
        (["sent:30", "bounced:30"], None),
        (["sent:30", "replied:20:not_now", "meeting:1"], True),
        (["replied:1"], None),
        ([], None),
    ],
)
def test_an_outcome_is_what_became_of_a_contact(
    kinds: list[str], good: bool | None, now: datetime
) -> None:
    events, labels = [], {}
    for number, text in enumerate(kinds):
        kind, days, *label = text.split(":")
        data = {"message": str(number)} if kind == "replied" else {"class": "hard"}
        labels.update({str(number): name for name in label})
        events.append(_event(kind, now, float(days), **data))
    assert judge_events(events, labels, now, _WAIT, None) is good


def test_contacts_first_written_to_before_since_are_left_out(now: datetime) -> None:
    events = [_event("sent", now, 30)]
    assert judge_events(events, {}, now, _WAIT, now - timedelta(days=20)) is None


def _make_outcomes(n: int, seed: int, weight: float) -> list[Outcome]:
    """Contacts of whom the more authority they have, the more (or fewer) come out well."""
    chance = Random(seed)
    outcomes = []
    for number in range(n):
        authority = chance.random()
        good = chance.random() < 0.5 + weight * (authority - 0.5)
        outcomes.append(Outcome(f"c{seed}-{number}", {"authority": authority, "fit": 0.5}, good))
    return outcomes


def test_weights_that_are_better_on_held_out_contacts_hold() -> None:
    report = compare(_make_outcomes(1200, 1, -0.9), RULES, 200)
    assert report.better, report.reason
    assert report.weights is not None
    assert report.weights.of["authority"] < RULES.of["authority"]
    assert (report.after["log_loss"] or 9) < (report.before["log_loss"] or 0)
    assert (report.after["auc"] or 0) > (report.before["auc"] or 1)


def test_weights_that_already_fit_are_not_replaced_by_chance() -> None:
    outcomes = _make_outcomes(1500, 2, 0.9)
    first = compare(outcomes, RULES, 200)
    assert first.weights is not None
    second = compare(outcomes, first.weights, 200)
    assert not second.better, second.reason


def test_too_few_contacts_teach_nothing() -> None:
    report = compare(_make_outcomes(60, 3, 0.9), RULES, 200)
    assert (report.weights, report.better) == (None, False)
    assert report.reason == "60 contacts have an outcome; 200 are needed."


def test_contacts_that_all_came_out_alike_teach_nothing() -> None:
    outcomes = [Outcome(o.contact_id, o.features, False) for o in _make_outcomes(400, 4, 0.5)]
    assert "at least 10 of each kind" in compare(outcomes, RULES, 200).reason


@pytest.mark.parametrize(
    ("after", "better"),
    [
        ({"log_loss": 0.5, "brier": 0.2, "auc": 0.7}, True),
        ({"log_loss": 0.5995, "brier": 0.2, "auc": 0.7}, False),
        ({"log_loss": 0.5, "brier": 0.3, "auc": 0.7}, False),
        ({"log_loss": 0.5, "brier": 0.2, "auc": 0.5}, False),
    ],
)
def test_one_better_figure_is_not_enough(after: dict[str, float | None], better: bool) -> None:
    before: dict[str, float | None] = {"log_loss": 0.6, "brier": 0.25, "auc": 0.65}
    assert decide(after, before)[0] is better


def test_three_contacts_in_ten_are_held_out_and_always_the_same() -> None:
    held = [is_held_out(f"contact-{number}") for number in range(2000)]
    assert 500 < sum(held) < 700
    assert held == [is_held_out(f"contact-{number}") for number in range(2000)]


async def test_a_wrong_guess_at_a_reply_changes_no_score(database: Database, now: datetime) -> None:
    stamps = {"created_at": now, "updated_at": now}
    async with database.begin() as session:
        session.add(Campaign(id="spring", name="Spring", created_at=now))
        session.add(Contact(id="dana", email="dana@acme.example", **stamps))
        await session.flush()
        about = {"contact_id": "dana", "campaign_id": "spring"}
        session.add(Touch(id="t", key="t", touch_no=1, state="sent", **about, **stamps))
        session.add(Event(key="sent:t", kind="sent", at=now, data={}, **about))
    arrival = sort_arrival(b"From: dana@acme.example\n\n" + _GUESSED_AS_REFUSAL, now)
    assert arrival.reading is not None
    assert arrival.reading.intent == "not_interested"
    await store(database, None, arrival, now)
    async with database.read() as session:
        (outcome,) = await read_examples(session, now, None, "", 14)
    assert outcome.good


async def _fill(database: Database, now: datetime, n: int) -> None:
    """Contacts without a title who answer, and directors who do not."""
    chance = Random(7)
    then = now - timedelta(days=40)
    async with database.begin() as session:
        for number in range(n):
            chief, key = chance.random() < 0.5, f"c{number}"
            answers = chance.random() < (0.1 if chief else 0.7)
            stamps = {"created_at": then, "updated_at": then}
            title = "Chief Executive Officer" if chief else "Clerk"
            session.add(Contact(id=key, email=f"{key}@x.example", title=title, name="A", **stamps))
            who = {"contact_id": key, "data": {}}
            session.add(Event(key=f"sent:{key}", kind="sent", at=then, **who))
            if answers:
                mail = {"direction": "in", "kind": "reply", "label": "interested"}
                session.add(Message(id=f"m{key}", key=f"m{key}", at=then, **mail))
                who["data"] = {"message": f"m{key}"}
                session.add(Event(key=f"replied:{key}", kind="replied", at=then, **who))


async def test_what_is_learned_is_what_contacts_are_scored_by(
    database: Database, now: datetime
) -> None:
    await _fill(database, now, 400)
    clerk: dict[str, Any] = {"contact_id": "c1", "now": now.isoformat()}
    before = await score_contact.ainvoke(clerk)
    learned = await graph.ainvoke({"now": now.isoformat()})
    assert learned["promoted"], learned["reason"]
    assert (learned["n"], learned["model_version"]) == (400, learned["trained_version"])
    assert learned["auc"] > learned["before"]["auc"]
    after = await score_contact.ainvoke(clerk)
    assert after["model_version"] == learned["model_version"] != before["model_version"]
    async with database.read() as session:
        row = await session.get(Contact, "c1")
    assert row is not None
    assert row.score_version == learned["model_version"]


async def test_learning_twice_from_the_same_promotes_once(
    database: Database, now: datetime
) -> None:
    await _fill(database, now, 300)
    first = await graph.ainvoke({"now": now.isoformat()})
    second = await graph.ainvoke({"now": now.isoformat()})
    assert (first["promoted"], second["promoted"]) == (True, False)
    assert second["model_version"] == first["model_version"]


async def test_without_outcomes_the_rules_hold(database: Database, now: datetime) -> None:
    learned = await graph.ainvoke({"now": now.isoformat()})
    assert (learned["promoted"], learned["model_version"]) == (False, "rules-1")
    assert learned["reason"] == "0 contacts have an outcome; 200 are needed."
    async with database.read() as session:
        assert (await session.scalars(select(Model))).all() == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"min_events": 10}, "50 or more"),
        ({"min_events": True}, "50 or more"),
        ({"since": "spring"}, "ISO 8601"),
        ({"product_id": "no"}, "No product no"),
    ],
)
async def test_input_that_cannot_be_used_says_why(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
