"""unsubscribe_apply: by link, by address, and as the page that a link leads to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.data.suppression import find_suppression
from graphs.sales.data.tables import Event, Touch
from graphs.sales.mailing.tokens import Unsubscription, make_link_token
from graphs.unsubscribe_apply_graph import graph

_DANA = "dana@acme.example"
_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest_asyncio.fixture
async def token(database: Database, now: datetime) -> str:
    rows = """
    campaigns: [{id: spring, name: Spring}]
    contacts: [{id: dana, name: Dana Reyes, email: dana@acme.example}]
    """
    await load_rows(database, rows, now)
    async with database.begin() as session:
        session.add(
            Touch(
                key="spring.dana.2", campaign_id="spring", contact_id="dana", touch_no=2,
                recipient=_DANA, created_at=now, updated_at=now,
            )
        )  # fmt: skip
    return make_link_token(Unsubscription("dana"), await database.read_salt())


async def _is_suppressed(database: Database) -> bool:
    salt = await database.read_salt()
    async with database.read() as session:
        return await find_suppression(session, _DANA, salt) is not None


async def _open(token: str, method: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    request = {"method": method, "query": {"token": token}, "form": form or {}}
    answer = await graph.ainvoke({"request": request})
    response: dict[str, Any] = answer["response"]
    return response


async def test_looking_at_the_page_changes_nothing(database: Database, token: str) -> None:
    for _ in range(3):
        response = await _open(token, "GET")
    assert response["status"] == 200
    assert '<form method="post">' in response["body"]
    assert not await _is_suppressed(database)
    async with database.read() as session:
        assert (await session.scalars(select(Event))).all() == []


async def test_one_click_unsubscribes_at_once(database: Database, token: str) -> None:
    response = await _open(token, "POST", _CLICK)
    assert (response["status"], "unsubscribed" in response["body"]) == (200, True)
    assert await _is_suppressed(database)
    async with database.read() as session:
        assert (await session.scalars(select(Touch.state))).all() == ["cancelled"]
        assert (await session.scalars(select(Event.kind))).all() == ["unsubscribed"]


async def test_a_second_click_says_the_same(database: Database, token: str) -> None:
    first, second = await _open(token, "POST", _CLICK), await _open(token, "POST", _CLICK)
    assert first == second


async def test_a_post_of_something_else_changes_nothing(database: Database, token: str) -> None:
    assert (await _open(token, "POST", {"x": "y"}))["status"] == 400
    assert not await _is_suppressed(database)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_changed_link_is_not_valid(database: Database, token: str, method: str) -> None:
    # Not the last character: base64 leaves some of its bits without a meaning.
    signed, _, mark = token.rpartition(".")
    changed = f"{signed}.{'B' if mark[0] == 'A' else 'A'}{mark[1:]}"
    assert (await _open(changed, method, _CLICK))["status"] == 404
    assert not await _is_suppressed(database)


async def test_the_page_names_nobody(database: Database, token: str) -> None:
    body = (await _open(token, "GET"))["body"]
    assert "dana" not in body.lower()
    assert "acme" not in body


async def test_a_token_unsubscribes_too(database: Database, token: str) -> None:
    answer = await graph.ainvoke({"token": token, "source": "support"})
    assert (answer["suppressed"], answer["scope"]) == (True, "all")
    assert await _is_suppressed(database)


async def test_an_address_is_suppressed_though_nobody_knows_it(
    database: Database, now: datetime
) -> None:
    answer = await graph.ainvoke({"address": "Dana@ACME.example", "source": "phone"})
    assert answer["suppressed"] is True
    assert await _is_suppressed(database)
    again = await graph.ainvoke({"address": _DANA})
    assert again["suppressed"] is False


async def test_a_link_of_one_campaign_leaves_the_others(database: Database, token: str) -> None:
    salt = await database.read_salt()
    narrow = make_link_token(Unsubscription("dana", "spring"), salt)
    await graph.ainvoke({"token": narrow})
    async with database.read() as session:
        assert await find_suppression(session, _DANA, salt, "spring")
        assert not await find_suppression(session, _DANA, salt, "autumn")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send token of an unsubscribe link, or address"),
        ({"token": "x", "address": "a@b.example"}, "Send token"),
        ({"token": "x"}, "The link is not valid"),
        ({"address": "nonsense"}, "address is no mail address"),
    ],
)
async def test_what_is_missing_is_said(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
