from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwarden.api import names

label = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,80}[a-z0-9])?", fullmatch=True)


@given(label, label)
def test_every_derived_name_is_a_dns_label(first: str, second: str) -> None:
    name = names.make_name("graphpool", first, second)
    assert len(name) <= names.NAME_LENGTH_LIMIT
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)


def test_long_names_that_differ_at_the_end_stay_different() -> None:
    assert names.make_name("a" * 80, "x") != names.make_name("a" * 80, "y")


def test_short_names_are_kept_as_they_are() -> None:
    assert names.make_registry_name("email") == "graphpool-email-registry"


@given(st.from_regex(names.CAPABILITY_PATTERN, fullmatch=True).filter(lambda c: len(c) <= 40))
def test_no_capability_needs_a_hash_in_its_registry_name(capability: str) -> None:
    assert names.make_registry_name(capability) == f"graphpool-{capability}-registry"


def test_the_default_assistant_has_the_id_that_other_langgraph_servers_give_it() -> None:
    # The well-known id of a graph called "agent", hard-coded by users of LangGraph.
    assert names.assistant_uuid("agent") == "fe096781-5601-53d2-b2f6-0d3403f7e9ca"


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("01a20747-2c5e-712e-94b2-6f574915d474", True),
        ("campaign-7-42", True),
        ("opp-AB_9", True),
        ("notuuid", False),
        ("campaign-", False),
        ("../etc/passwd", False),
        ("a-" + "b" * 127, False),
        ("", False),
    ],
)
def test_a_thread_is_named_by_a_uuid_or_a_stable_key(value: str, fits: bool) -> None:
    assert names.is_thread_id(value) is fits
