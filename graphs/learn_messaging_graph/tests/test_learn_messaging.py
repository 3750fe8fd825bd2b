"""learn_messaging: counts, posteriors, and a pick that chance makes, the same chance every time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.learn_messaging_graph import graph
from graphs.learn_messaging_graph.arms import Tally, draw
from graphs.sales.data import Database
from graphs.sales.data.tables import Campaign, Contact, Event, Message, Touch
from graphs.sales.mailing.arrivals import sort_arrival
from graphs.sales.mailing.ingest import store


def test_a_posterior_is_the_prior_and_what_was_counted() -> None:
    (arm,), pick = draw({"short": Tally(10, 3)}, 1)
    assert (arm.alpha, arm.beta, pick) == (4.0, 8.0, "short")
    assert arm.mean == pytest.approx(4 / 12)
    assert arm.low < arm.mean < arm.high
    assert arm.best == 1.0


def test_the_interval_narrows_with_every_send() -> None:
    few, many = (draw({"a": Tally(n, n // 5)}, 1)[0][0] for n in (10, 1000))
    assert many.high - many.low < (few.high - few.low) / 3


def test_the_better_arm_is_picked_mostly_and_the_other_still_sometimes() -> None:
    tallies = {"good": Tally(40, 10), "poor": Tally(40, 5)}
    picks = Counter(draw(tallies, seed)[1] for seed in range(60))
    assert picks["good"] > picks["poor"] > 0


def test_an_arm_without_sends_gets_its_chance() -> None:
    tallies = {"known": Tally(200, 20), "new": Tally(0, 0)}
    assert "new" in {draw(tallies, seed)[1] for seed in range(20)}


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.text(min_size=1), st.integers(0, 50), max_size=4), st.integers())
def test_the_same_counts_and_seed_pick_the_same(counts: dict[str, int], seed: int) -> None:
    tallies = {name: Tally(n, n // 3) for name, n in counts.items()}
    arms, pick = draw(tallies, seed)
    assert (arms, pick) == draw(tallies, seed)
    assert (pick in tallies) if tallies else pick is None
    assert sum(arm.best for arm in arms) == pytest.approx(1.0 if tallies else 0)


async def _fill(database: Database, now: datetime) -> None:
    async with database.begin() as session:
        session.add(Campaign(id="spring", name="Spring", created_at=now))
        stamps = {"created_at": now, "updated_at": now}
        for number in range(30):
            key = f"t{number}"
            session.add(Contact(id=key, email=f"{key}@x.example", **stamps))
        await session.flush()
        for number in range(30):
            key, template = f"t{number}", "short" if number % 2 else "long"
            place = {"campaign_id": "spring", "contact_id": key, "touch_no": 1}
            session.add(Touch(id=key, key=key, state="sent", template=template, **place, **stamps))
            about = {"campaign_id": "spring", "contact_id": key, "touch_id": key, "at": now}
            # Older events do not name the template: the touch does.
            data = {"template": template} if number < 20 else {}
            session.add(Event(key=f"sent:{key}", kind="sent", data=data, **about))
            if template == "short" and number < 20:
                label = "interested" if number < 10 else "not_interested"
                mail = {"direction": "in", "kind": "reply", "label": label, "at": now}
                session.add(Message(id=f"m{key}", key=f"m{key}", **mail))
                told = {"message": f"m{key}"}
                session.add(Event(key=f"replied:{key}", kind="replied", data=told, **about))
        machine = {"campaign_id": "spring", "touch_id": "t0", "at": now, "data": {}}
        session.add(Event(key="auto", kind="auto_replied", **machine))


def _count(answer: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {arm["template"]: (arm["sends"], arm["replies"]) for arm in answer["arms"]}


async def test_sends_and_replies_are_counted_for_each_template(
    database: Database, now: datetime
) -> None:
    await _fill(database, now)
    answer = await graph.ainvoke({"campaign_id": "spring", "templates": ["new"]})
    assert _count(answer) == {"long": (15, 0), "short": (15, 10), "new": (0, 0)}
    assert answer["pick"] in ("short", "new", "long")
    assert answer["model_version"] == "beta-bernoulli-1"
    assert answer == await graph.ainvoke({"campaign_id": "spring", "templates": ["new"]})


async def test_the_goal_may_be_interest_instead_of_any_answer(
    database: Database, now: datetime
) -> None:
    await _fill(database, now)
    answer = await graph.ainvoke({"campaign_id": "spring", "goal": "interest"})
    assert _count(answer)["short"] == (15, 5)


async def test_a_wrong_guess_at_a_reply_is_no_interest(database: Database, now: datetime) -> None:
    await _fill(database, now)
    raw = b"From: t0@x.example\n\nLovely idea for a team that has too much money.\n"
    arrival = sort_arrival(raw, now)
    assert arrival.reading is not None
    assert arrival.reading.intent == "interested"
    await store(database, None, arrival, now)
    replies = await graph.ainvoke({"campaign_id": "spring", "goal": "reply"})
    interest = await graph.ainvoke({"campaign_id": "spring", "goal": "interest"})
    assert (_count(replies)["long"], _count(interest)["long"]) == ((15, 1), (15, 0))


async def test_a_campaign_without_sends_has_no_pick(database: Database, now: datetime) -> None:
    async with database.begin() as session:
        session.add(Campaign(id="new", name="New", created_at=now))
    answer = await graph.ainvoke({"campaign_id": "new"})
    assert (answer["arms"], answer["pick"]) == ([], None)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({}, "No campaign ''"),
        ({"campaign_id": "spring", "goal": "fame"}, "send reply or interest"),
        ({"campaign_id": "spring", "seed": "x"}, "seed is a whole number"),
        ({"campaign_id": "spring", "templates": "a"}, "templates is a list"),
        ({"campaign_id": "spring", "templates": ["a"] * 51}, "more than 50"),
    ],
)
async def test_input_that_cannot_be_used_says_why(
    database: Database, given_: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given_)
