"""classify_intent: posts of the input and of the database, and what they say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from graphs.classify_intent_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.tables import Company, Contact, Fact


@pytest.mark.parametrize(
    ("posts", "kind"),
    [
        (["Happy Friday!", "We are looking for a new CRM system."], "buying"),
        ([{"text": "We're hiring two engineers, apply now."}], "hiring"),
        (["We opened our second office in Lyon."], "scaling"),
        (
            ["We're hiring, join our team!", "Which CRM do you recommend? Our contract ends."],
            "buying",
        ),
        (["I'm open to work and looking for a new role."], "none"),
        ([], "none"),
    ],
)
async def test_posts_say_what_is_coming(posts: list[Any], kind: str) -> None:
    answer = await graph.ainvoke({"posts": posts})
    assert (answer["kind"], answer["has_intent"]) == (kind, kind != "none")
    assert bool(answer["reasons"]) == (kind != "none")


async def test_without_posts_the_signals_of_the_company_are_read(
    database: Database, now: datetime
) -> None:
    stamps = {"created_at": now, "updated_at": now}
    async with database.begin() as session:
        session.add(Company(id="acme", name="Acme", **stamps))
        await session.flush()
        session.add(Contact(id="dana", company_id="acme", **stamps))
        signal = {"kind": "signal", "digest": "d", "value": {"note": "New open position: nurse"}}
        session.add(Fact(company_id="acme", found_at=now, **signal))
    assert (await graph.ainvoke({"contact_id": "dana"}))["kind"] == "hiring"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send posts"),
        ({"contact_id": "no"}, "No contact no"),
        ({"posts": "text"}, "list of at most 50"),
        ({"posts": ["x"] * 51}, "list of at most 50"),
        ({"posts": [1]}, "is a text"),
        ({"posts": ["x" * 5001]}, "over 5000 characters"),
    ],
)
async def test_input_that_cannot_be_read_says_what_to_send(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
