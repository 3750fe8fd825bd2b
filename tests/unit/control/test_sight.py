"""Watches that went blind are found by what the lists show."""

from __future__ import annotations

from typing import Any

from graphwarden.control.sight import Sight


def _body(version: str) -> dict[str, Any]:
    return {"metadata": {"uid": "u", "resourceVersion": version}}


def test_an_object_that_events_brought_is_no_cause_for_doubt() -> None:
    sight = Sight()
    sight.note_event(_body("1"), deleted=False)
    sight.note_list([_body("1")], 0)
    assert sight.find_blindness(1000) is None


def test_a_version_that_no_event_brings_for_a_minute_is_blindness() -> None:
    sight = Sight()
    sight.note_event(_body("1"), deleted=False)
    sight.note_list([_body("2")], 0)
    assert sight.find_blindness(59) is None
    sight.note_list([_body("2")], 60)
    assert "version 2 for 61 s" in (sight.find_blindness(61) or "")


def test_an_event_that_comes_late_ends_the_doubt() -> None:
    sight = Sight()
    sight.note_list([_body("1")], 0)
    sight.note_event(_body("1"), deleted=False)
    assert sight.find_blindness(1000) is None


def test_an_event_that_overtook_the_list_ends_the_doubt_at_the_next_list() -> None:
    sight = Sight()
    sight.note_event(_body("2"), deleted=False)
    sight.note_list([_body("1")], 0)
    sight.note_list([_body("2")], 60)
    assert sight.find_blindness(1000) is None


def test_an_object_that_is_gone_is_no_cause_for_doubt() -> None:
    sight = Sight()
    sight.note_list([_body("1")], 0)
    sight.note_event(_body("1"), deleted=True)
    sight.note_list([], 60)
    assert sight.find_blindness(1000) is None
