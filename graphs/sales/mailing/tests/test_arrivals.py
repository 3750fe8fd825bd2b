"""Mails as servers and people write them, and what is made of them."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.mailing.arrivals import sort_arrival
from graphs.sales.mailing.returns import find_return

_SAMPLES = Path(__file__).parent / "samples"
_EXPECTED = tomllib.loads((_SAMPLES / "expected.toml").read_text())
_NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_TOUCH = "<t1.spring.dana.1@northwind.example>"
_TOKEN = "0123456789abcdef01234567"


def _read(name: str) -> bytes:
    return (_SAMPLES / f"{name}.eml").read_bytes()


def _write(text: str) -> bytes:
    return f"From: dana@acme.example\r\nSubject: Re: Hello\r\n\r\n{text}\r\n".encode()


def test_every_sample_is_judged() -> None:
    told = {f"{kind}-{name}" for kind, rows in _EXPECTED.items() for name in rows}
    there = {path.stem for path in _SAMPLES.glob("*.eml")}
    assert there - told == {"bounce-postfix-delayed", "complaint-arf"}


@pytest.mark.parametrize("name", _EXPECTED["bounce"])
def test_a_report_says_what_became_of_which_mail(name: str) -> None:
    bounce_class, status = _EXPECTED["bounce"][name]
    arrival = sort_arrival(_read(f"bounce-{name}"), _NOW)
    assert arrival.kind == "bounce"
    assert arrival.report is not None
    assert (arrival.report.bounce_class, arrival.report.status or "") == (bounce_class, status)
    assert arrival.report.recipient == "dana@acme.example"
    assert _TOUCH in arrival.ids
    assert arrival.token == _TOKEN


def test_a_complaint_is_told_from_a_bounce() -> None:
    arrival = sort_arrival(_read("complaint-arf"), _NOW)
    assert arrival.kind == "complaint"
    assert arrival.report is not None
    assert arrival.report.recipient == "dana@acme.example"
    assert _TOUCH in arrival.ids


def test_a_delay_is_no_bounce_and_no_reply() -> None:
    arrival = sort_arrival(_read("bounce-postfix-delayed"), _NOW)
    assert (arrival.kind, arrival.report) == ("auto_reply", None)


@pytest.mark.parametrize("name", _EXPECTED["auto"])
def test_a_machines_answer_is_no_reply_and_may_name_a_day(name: str) -> None:
    arrival = sort_arrival(_read(f"auto-{name}"), _NOW)
    assert arrival.kind == "auto_reply"
    until = arrival.until.date().isoformat() if arrival.until else ""
    assert until == _EXPECTED["auto"][name]


@pytest.mark.parametrize("name", _EXPECTED["person"])
def test_what_a_person_wrote_is_a_reply_or_a_wish_to_get_no_more(name: str) -> None:
    arrival = sort_arrival(_read(f"person-{name}"), _NOW)
    assert arrival.kind == _EXPECTED["person"][name]
    assert arrival.ids[0] == _TOUCH


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Sounds good, let us talk on Tuesday.", "interested"),
        ("What does it cost for 40 people?", "info_request"),
        ("Nein danke, kein Interesse.", "not_interested"),
        ("Please take me off your list.", "unsubscribe"),
        ("Brilliant, do show the team next Thursday afternoon.", None),
        ("When?", None),
        ("Hm.", None),
        ("I was out of the office until Monday. Who are you?", None),
    ],
)
def test_a_reply_that_is_read_for_sure_has_a_label(text: str, label: str | None) -> None:
    assert sort_arrival(_write(text), _NOW).label == label


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Brilliant, do show the team next Thursday afternoon.", "interested"),
        ("When?", "info_request"),
        ("Hm.", "unclear"),
        ("I was out of the office until Monday. Who are you?", "unclear"),
        ("Excellent, board said go.", "unclear"),
    ],
)
def test_what_a_person_may_have_said_is_read_as_well(text: str, intent: str) -> None:
    reading = sort_arrival(_write(text), _NOW).reading
    assert reading is not None
    assert reading.intent == intent


def test_what_a_machine_wrote_has_no_label() -> None:
    assert sort_arrival(_read("bounce-postfix-delayed"), _NOW).label is None
    assert sort_arrival(_read("complaint-arf"), _NOW).label is None


def test_the_mailto_form_of_list_unsubscribe_is_such_a_wish() -> None:
    raw = b"From: dana@acme.example\r\nSubject: unsubscribe\r\n\r\n"
    assert sort_arrival(raw, _NOW).kind == "unsubscribe"


def test_the_same_mail_has_the_same_key() -> None:
    raw = _read("person-interested")
    assert sort_arrival(raw, _NOW).key == sort_arrival(raw, _NOW + timedelta(days=1)).key
    assert sort_arrival(raw + b"x", _NOW).key != sort_arrival(raw, _NOW).key


@pytest.mark.parametrize(
    "head",
    [
        b"From: undisclosed:;",
        b"From: =?utf-8?q?",
        b"From: <",
        b"Return-Path: <>\nFrom: ",
        b"From: mailer-daemon@x.example\nTo: (",
        b'Content-Type: text/plain; charset="u\0"',
        b"Content-Transfer-Encoding: base64\nContent-Type: text/plain; charset=nosuch",
    ],
)
def test_a_malformed_head_is_sorted_too(head: bytes) -> None:
    assert sort_arrival(head + b"\n\nNo thanks.", _NOW).kind in ("reply", "auto_reply")


@given(st.binary(max_size=2000))
def test_no_bytes_are_too_strange_to_be_sorted(raw: bytes) -> None:
    arrival = sort_arrival(raw, _NOW)
    arrival.raw.encode("utf-8")
    assert "\x00" not in arrival.raw


@given(st.sampled_from(sorted(_SAMPLES.glob("*.eml"))), st.integers(0, 3000), st.binary(max_size=9))
def test_a_mangled_mail_is_sorted_too(path: Path, at: int, junk: bytes) -> None:
    raw = path.read_bytes()
    sort_arrival(raw[:at] + junk + raw[at + 5 :], _NOW)


@pytest.mark.parametrize(
    ("day_as_written", "day"),
    [
        ("2026-12-01", "2026-12-01"),
        ("01.12.2026", "2026-12-01"),
        ("1.12.", "2026-12-01"),
        ("12/1", "2026-12-01"),
        ("24/12", "2026-12-24"),
        ("December 3rd", "2026-12-03"),
        ("3rd of December, 2026", "2026-12-03"),
        ("5 décembre", "2026-12-05"),
        ("30 de noviembre", "2026-11-30"),
        ("2 January", "2027-01-02"),
        ("Monday", "2026-11-30"),
        ("Friday", "2026-11-27"),
        ("31.02.2027", None),
        ("1 June 2029", None),
        ("2026-11-20", None),
        ("soon", None),
        ("", None),
        ("June 2027", None),
        ("December 3 at 9 am. Call 555-0101", "2026-12-03"),
    ],
)
def test_the_day_of_return_is_read_as_it_is_written(day_as_written: str, day: str | None) -> None:
    found = find_return(f"I was in on 24.11. and am away until {day_as_written}", _NOW)
    assert (found.date() if found else None) == (date.fromisoformat(day) if day else None)
