"""When a mail may go out, what forbids it, how it looks, and whose token it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes, policy
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.mailing.circumstances import make_calendar
from graphs.sales.mailing.guard import Facts, find_refusal
from graphs.sales.mailing.limits import (
    ANY_TIME,
    InvalidWindow,
    Limits,
    Window,
    plan_send,
    read_timezone,
    read_window,
)
from graphs.sales.mailing.mime import Outgoing, make_mail, make_message_id
from graphs.sales.mailing.tokens import (
    InvalidToken,
    Unsubscription,
    find_envelope_token,
    make_envelope_sender,
    make_envelope_token,
    make_link_token,
    make_unsubscribe_url,
    read_link_token,
)

_UTC = ZoneInfo("UTC")
_BERLIN = ZoneInfo("Europe/Berlin")
_MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
_LIMITS = Limits(
    window=Window(),
    timezone=_UTC,
    mailbox_timezone=_UTC,
    daily_cap=50,
    sent_today=0,
    last_send_at=None,
    min_gap_seconds=60,
    jitter_seconds=30,
    token="t",
)
_FACTS = Facts(
    recipient="dana@acme.example",
    subject="Hello",
    text="Hi Dana,\n\n1 Main St,  Springfield",
    postal_address="1 Main St, Springfield",
)


@pytest.mark.parametrize(
    ("now", "limits", "at", "why"),
    [
        ("2026-11-23T09:00", {}, "2026-11-23T09:00", None),
        ("2026-11-23T08:59", {}, "2026-11-23T09:00", "Window"),
        ("2026-11-23T17:00", {}, "2026-11-24T09:00", "Window"),
        ("2026-11-27T18:00", {}, "2026-11-30T09:00", "Window"),
        ("2026-11-23T09:00", {"timezone": _BERLIN}, "2026-11-23T09:00", None),
        ("2026-11-23T16:30", {"timezone": _BERLIN}, "2026-11-24T08:00", "Window"),
        ("2026-11-23T12:00", {"sent_today": 50}, "2026-11-24T09:00", "Window"),
        (
            "2026-11-23T12:00",
            {"sent_today": 50, "window": ANY_TIME},
            "2026-11-24T00:00",
            "DailyCap",
        ),
        (
            "2026-11-23T23:30",
            {"sent_today": 50, "window": ANY_TIME, "mailbox_timezone": _BERLIN},
            "2026-11-24T23:00",
            "DailyCap",
        ),
        (
            "2026-11-23T09:00",
            {"is_holiday": lambda day: day == date(2026, 11, 23)},
            "2026-11-24T09:00",
            "Holiday",
        ),
    ],
)
def test_a_mail_waits_for_window_cap_and_holiday(
    now: str, limits: dict[str, Any], at: str, why: str | None
) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    plan = plan_send(moment, replace(_LIMITS, **limits))
    assert plan.at == datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert plan.why == why


@given(st.text(min_size=1), st.integers(0, 200))
def test_the_gap_lies_between_its_bounds_and_depends_on_the_mail_alone(
    token: str, since: int
) -> None:
    last = _MONDAY - timedelta(seconds=since)
    limits = replace(_LIMITS, last_send_at=last, token=token)
    plan = plan_send(_MONDAY, limits)
    assert plan == plan_send(_MONDAY, limits)
    if since < 60:
        assert plan.why == "Gap"
        assert timedelta(seconds=60) <= plan.at - last <= timedelta(seconds=90)
    if since > 90:
        assert plan.at == _MONDAY


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 99),
)
def test_a_planned_moment_is_allowed_when_it_comes(
    now: datetime, zone: str, days: set[int], sent: int
) -> None:
    window = Window(tuple(sorted(days)), time(9, 30), time(16))
    limits = replace(_LIMITS, timezone=ZoneInfo(zone), window=window, sent_today=sent)
    plan = plan_send(now, limits)
    assert plan.at >= now
    local = plan.at.astimezone(ZoneInfo(zone))
    assert local.weekday() in days
    assert time(9, 30) <= local.time() < time(16)
    assert plan_send(plan.at, replace(limits, sent_today=0)).at == plan.at


@pytest.mark.parametrize(
    "value",
    [
        {"days": []},
        {"days": [7]},
        {"days": "monday"},
        {"start": "9 o'clock"},
        {"start": "17:00", "end": "09:00"},
        {"start": 9},
    ],
)
def test_a_window_that_cannot_be_read_says_what_to_write(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidWindow, match="window"):
        read_window(value)


def test_a_timezone_that_there_is_not_says_what_to_write() -> None:
    with pytest.raises(InvalidWindow, match=r"Europe/Berlin"):
        read_timezone("Berlin")


def test_holidays_are_those_of_the_recipients_country() -> None:
    unity = date(2026, 10, 3)
    assert make_calendar("de")(unity)
    assert not make_calendar("US")(unity)
    assert not make_calendar(None)(unity)
    assert not make_calendar("ZZ")(unity)


def test_a_mail_that_nothing_forbids_goes_out() -> None:
    assert find_refusal(_FACTS) is None


@pytest.mark.parametrize(
    ("facts", "verdict", "reason"),
    [
        ({"recipient": ""}, "cancel", "InvalidAddress"),
        ({"recipient": "no-reply@acme.example"}, "cancel", "MachineAddress"),
        ({"merged": True}, "cancel", "Merged"),
        ({"suppressed": "objected"}, "cancel", "Suppressed"),
        ({"unsubscribed": True}, "cancel", "Unsubscribed"),
        ({"replied": True}, "cancel", "Replied"),
        ({"company_replied": True}, "cancel", "CompanyReplied"),
        ({"bounced": True}, "cancel", "Bounced"),
        ({"consent_missing": True}, "cancel", "ConsentMissing"),
        ({"min_score": 0.5, "score": 0.4}, "cancel", "ScoreTooLow"),
        ({"min_score": 0.5, "score": None}, "cancel", "ScoreTooLow"),
        ({"campaign_paused": True}, "hold", "CampaignPaused"),
        ({"mailbox_paused": "login failed"}, "hold", "MailboxPaused"),
        ({"text": " \n"}, "hold", "EmptyBody"),
        ({"subject": ""}, "hold", "EmptySubject"),
        ({"text": "Hi {{ name }}"}, "hold", "UnresolvedVariable"),
        ({"postal_address": ""}, "hold", "FooterMissing"),
        ({"text": "Hi Dana"}, "hold", "FooterMissing"),
        ({"needs_approval": True}, "hold", "ApprovalMissing"),
        ({"campaign_paused": True, "replied": True}, "cancel", "Replied"),
    ],
)
def test_each_rule_forbids_the_send(facts: dict[str, Any], verdict: str, reason: str) -> None:
    refusal = find_refusal(replace(_FACTS, **facts))
    assert refusal is not None
    assert (refusal.verdict, refusal.reason) == (verdict, reason)


@pytest.mark.parametrize(
    "facts",
    [
        {"min_score": 0.5, "score": 0.5},
        {"needs_approval": True, "approved": True},
        {"needs_footer": False, "text": "Hi"},
    ],
)
def test_what_is_fulfilled_forbids_nothing(facts: dict[str, Any]) -> None:
    assert find_refusal(replace(_FACTS, **facts)) is None


def _make_outgoing(**more: Any) -> Outgoing:
    return Outgoing(
        message_id="<t1.c.d.1@northwind.example>",
        sender="sam@northwind.example",
        sender_name="Sam Lée, Northwind",
        recipient="dana@acme.example",
        recipient_name="Dana Reyes",
        subject="Größe",
        text="Grüße\n.\nFrom here\n",
        html="<p>Grüße</p>",
        at=_MONDAY,
        **more,
    )


def test_a_mail_reads_back_as_it_was_written() -> None:
    raw = make_mail(_make_outgoing(references=["<a@b>", "<c@d>"], in_reply_to="<c@d>")).as_bytes()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["From"].addresses[0].display_name == "Sam Lée, Northwind"
    assert (mail["Subject"], mail["References"]) == ("Größe", "<a@b> <c@d>")
    plain, html = (part.get_content() for part in mail.iter_parts())
    assert plain.splitlines() == ["Grüße", ".", "From here"]
    assert html.strip() == "<p>Grüße</p>"


def test_a_mail_can_be_unsubscribed_from_by_one_click() -> None:
    url, address = "https://go.example/u?token=abc", "sam@northwind.example"
    mail = make_mail(_make_outgoing(unsubscribe_url=url, unsubscribe_mail=address))
    assert mail["List-Unsubscribe"] == f"<{url}>, <mailto:{address}?subject=unsubscribe>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_without_a_web_address_no_one_click_is_promised() -> None:
    mail = make_mail(_make_outgoing(unsubscribe_mail="sam@northwind.example"))
    assert mail["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize("field", ["subject", "message_id", "in_reply_to"])
def test_no_line_break_gets_into_a_header(field: str) -> None:
    changed: dict[str, Any] = {field: "x\r\nBcc: all@acme.example"}
    with pytest.raises(ValueError, match=r"linefeed|newline|header"):
        make_mail(replace(_make_outgoing(), **changed))


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8")))
def test_a_link_token_says_what_was_put_into_it(contact_id: str, scope: str) -> None:
    target = Unsubscription(contact_id, scope)
    token = make_link_token(target, "key")
    assert read_link_token(token, "key") == target
    assert token.isascii()
    with pytest.raises(InvalidToken):
        read_link_token(token, "another key")


@given(st.text(max_size=60))
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        read_link_token(text, "key")


@pytest.mark.parametrize("template", ["https://x.example/u", "https://x.example/u?a=b", "x{token}"])
def test_an_unsubscribe_link_carries_the_contacts_token(template: str) -> None:
    url = make_unsubscribe_url(template, "dana", "key")
    assert url is not None
    token = url.partition("token=")[2] or url.removeprefix("x")
    assert read_link_token(token, "key") == Unsubscription("dana", "all")


@pytest.mark.parametrize(
    ("bounce_domain", "plus", "is_found"),
    [("bounce.example", False, True), (None, True, True), (None, False, False)],
)
def test_a_bounce_brings_the_token_back(
    bounce_domain: str | None, plus: bool, is_found: bool
) -> None:
    token = make_envelope_token()
    sender = make_envelope_sender("sam@northwind.example", token, bounce_domain, plus)
    assert find_envelope_token(f"<{sender.upper()}>") == (token if is_found else None)


def test_message_ids_of_different_contacts_differ() -> None:
    ids = {make_message_id("7", contact, 1, 1, "us.example") for contact in ("a.b", "a b", "ab")}
    assert len(ids) == 3
