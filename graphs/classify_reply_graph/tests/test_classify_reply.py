"""classify_reply: what comes in, what goes out, and where the label is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from graphs.classify_reply_graph import graph
from graphs.classify_reply_graph.learn import main as learn
from graphs.sales.data import Database
from graphs.sales.data.tables import Message
from graphs.sales.reply_guess import count_features, guess_label

_NOW = "2026-11-30T09:00:00Z"


async def _ask(**given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await graph.ainvoke({"now": _NOW, **given})
    return answer


@pytest.mark.parametrize(
    ("text", "label", "next_action"),
    [
        ("Sounds good, let us talk on Tuesday.", "interested", "reply"),
        ("What does it cost for 40 people?", "info_request", "reply"),
        ("Please ask my colleague Ben, ben@acme.example.", "referral", "contact_referral"),
        ("Not before March, sorry.", "not_now", "follow_up_later"),
        ("Nein danke, kein Interesse.", "not_interested", "stop"),
        ("Proszę nie pisać do mnie więcej.", "unsubscribe", "suppress"),
        ("Sono fuori ufficio fino al 7 gennaio.", "auto_reply", "wait"),
        ("550 5.1.1 user unknown", "bounce", "suppress"),
        ("Hm.", "unclear", "ask_a_person"),
    ],
)
async def test_a_reply_has_a_label_and_what_to_do_next(
    text: str, label: str, next_action: str
) -> None:
    answer = await _ask(text=text)
    assert (answer["label"], answer["next_action"]) == (label, next_action)
    assert 0 < answer["confidence"] <= 1
    assert answer["model_version"].startswith("rules@1+")


async def test_a_reply_that_no_phrase_knows_is_guessed_and_left_to_a_person() -> None:
    answer = await _ask(text="Brilliant, do show the team next Thursday afternoon.")
    assert answer["label"] != "unclear"
    assert answer["confidence"] < 0.7
    assert answer["next_action"] == "ask_a_person"


def test_the_counts_are_those_of_the_training_examples() -> None:
    assert learn(["--check"]) == 0


def test_a_word_that_was_never_seen_says_nothing() -> None:
    assert guess_label("xyzzy plugh") is None


def test_counts_of_words_make_a_guess() -> None:
    counts = count_features([("interested", "yes please"), ("interested", "yes"), ("bounce", "no")])
    assert counts["labels"] == {"bounce": 1, "interested": 2}
    guess = guess_label("yes", counts)
    assert guess is not None
    assert (guess.label, guess.words) == ("interested", ("yes",))


async def test_headers_beside_a_text_count_as_those_of_the_mail() -> None:
    answer = await _ask(text="Sounds good!", headers={"Auto-Submitted": "auto-replied"})
    assert answer["label"] == "auto_reply"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Not now, ask again in six months.", "2027-05-28"),
        ("Derzeit leider nicht, gern im März.", "2027-03-01"),
        ("No budget until Q2.", "2027-04-01"),
        ("Pas pour le moment, l'année prochaine peut-être.", "2027-01-01"),
        ("Not now. Maybe next quarter.", "2027-01-01"),
        ("Op dit moment niet, misschien na de zomer.", "2027-09-01"),
        ("We are locked in until June 2028.", "2028-06-01"),
        ("Not a priority at the moment.", None),
        ("I am out of the office until 7 December.", "2026-12-07"),
    ],
)
async def test_a_reply_that_names_a_time_says_from_which_day_to_write_again(
    text: str, day: str | None
) -> None:
    assert (await _ask(text=text))["again_on"] == day


async def _store(database: Database, now: datetime, text: str, label: str | None = None) -> None:
    async with database.begin() as session:
        raw = f"From: Dana <dana@acme.example>\nSubject: Re: Desk\n\n{text}\n"
        mail = {"direction": "in", "kind": "reply", "message_id": "<m1@acme.example>"}
        session.add(Message(id="m1", key="k1", raw=raw, label=label, at=now, **mail))


async def test_the_label_of_a_stored_mail_is_kept_with_it(
    database: Database, now: datetime
) -> None:
    await _store(database, now, "No thanks.")
    answer = await _ask(message_id="<m1@acme.example>")
    async with database.read() as session:
        assert (await session.get_one(Message, "m1")).label == answer["label"] == "not_interested"


@pytest.mark.parametrize("text", ["Brilliant, do show the team next Thursday afternoon.", "Hm."])
async def test_a_label_that_a_person_has_to_look_at_is_not_kept(
    text: str, database: Database, now: datetime
) -> None:
    await _store(database, now, text, label="not_now")
    answer = await _ask(message_id="<m1@acme.example>")
    assert answer["next_action"] == "ask_a_person"
    async with database.read() as session:
        assert (await session.get_one(Message, "m1")).label == "not_now"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send text"),
        ({"text": " "}, "Send text"),
        ({"text": "x" * 300_000}, "over 262144 characters"),
        ({"text": "hi", "headers": {"a b": "c"}}, "values of one line"),
        ({"text": "hi", "headers": {"Subject": "a\nBcc: b"}}, "values of one line"),
        ({"text": "hi", "now": "soon"}, "ISO 8601"),
    ],
)
async def test_input_that_cannot_be_read_says_what_to_send(
    given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await _ask(**given)


async def test_a_mail_that_never_came_is_named(database: Database) -> None:
    with pytest.raises(ValueError, match="No mail m9 came in"):
        await _ask(message_id="m9")
