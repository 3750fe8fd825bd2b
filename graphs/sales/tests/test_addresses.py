"""What addresses say by themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.addresses import InvalidAddress, parse_address


@pytest.mark.parametrize(
    "local",
    [
        "info",
        "INFO",
        "sales",
        "sales.emea",
        "info-de",
        "customer-service",
        "no-reply",
        "sales2",
        "hr+jobs",
        "it.support",
        "kontakt",
    ],
)
def test_a_desk_is_told_from_a_person(local: str) -> None:
    assert parse_address(f"{local}@acme.example").is_role


@pytest.mark.parametrize(
    "local", ["dana", "dana.reyes", "d.info", "infanta", "dana-sales", "marketa", "us", "hq.dana"]
)
def test_a_person_is_told_from_a_desk(local: str) -> None:
    assert not parse_address(f"{local}@acme.example").is_role


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("mailinator.com", True),
        ("mail.mailinator.com", True),
        ("acme.example", False),
        ("gmail.com", False),
    ],
)
def test_addresses_to_throw_away_are_known_by_their_domains(domain: str, found: bool) -> None:
    assert parse_address(f"dana@{domain}").is_disposable is found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dana@acme.example", "Dana+news@ACME.example"),
        ("dana.reyes@gmail.com", "danareyes+x@googlemail.com"),
        ("dana@münch.example", "dana@xn--mnch-0ra.example"),
    ],
)
def test_spellings_of_one_mailbox_are_one(one: str, other: str) -> None:
    assert parse_address(one).mailbox == parse_address(other).mailbox


def test_dots_count_where_nobody_says_they_do_not() -> None:
    one, other = parse_address("dana.reyes@acme.example"), parse_address("danareyes@acme.example")
    assert one.mailbox != other.mailbox


@given(st.text(max_size=400) | st.emails())
def test_no_text_is_too_strange_to_be_parsed_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except InvalidAddress:
        return
    again = parse_address(str(address))
    assert (again, again.mailbox) == (address, address.mailbox)
    assert str(address) == str(address).lower()
