"""email_reply: the mail to answer, from the caller, the database or a folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from graphs.email_reply_graph import graph
from graphs.sales.data import Database
from graphs.sales.mailing.arrivals import sort_arrival
from graphs.sales.mailing.ingest import store

_RAW = (
    b"From: Dana <dana@acme.example>\r\nSubject: Re: Hello\r\nMessage-ID: <x@acme.example>\r\n"
    b"\r\nWhat does it cost for 40 people?\r\n"
)


async def test_a_stored_mail_is_answered_by_either_of_its_ids(
    database: Database, now: datetime
) -> None:
    stored = await store(database, None, sort_arrival(_RAW, now), now)
    for name in (stored.id, "<x@acme.example>"):
        answer = await graph.ainvoke({"message_id": name})
        assert answer["analysis"]["intent"] == "info_request"
        assert answer["subject"] == "Re: Hello"


async def test_a_mail_in_a_folder_is_found_too(database: Database, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(_RAW)
    context: Any = {"inbox": str(tmp_path)}
    answer = await graph.ainvoke({"message_id": "<x@acme.example>"}, context=context)
    assert answer["subject"] == "Re: Hello"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send original_email"),
        ({"message_id": "nosuch"}, "No mail nosuch is in the database"),
        ({"original_email": "Hi", "reply_type": "loud"}, "reply_type is 'loud'"),
    ],
)
async def test_invalid_input_says_what_to_send(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
