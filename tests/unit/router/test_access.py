from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwarden.router.access import (
    BrokenKey,
    Caller,
    Keys,
    make_key,
    parse_key,
    read_bearer,
    render_key,
)
from graphwarden.router.answers import make_cors


@given(st.lists(st.from_regex(r"[a-z_*]{1,20}", fullmatch=True), max_size=4))
def test_a_new_key_lets_its_caller_in_and_nobody_else(patterns: list[str]) -> None:
    key = make_key()
    keys = Keys(parse_key("team-a", render_key(key, patterns)))
    assert keys.find(key) == Caller("team-a", tuple(patterns))
    assert keys.find(key + "x") is None
    assert keys.find("") is None


def test_a_key_is_kept_as_its_digest_alone() -> None:
    key = make_key()
    text = render_key(key)
    assert key not in text
    assert hashlib.sha256(key.encode()).hexdigest() in text


def test_two_digests_are_in_force_while_a_key_is_replaced() -> None:
    old, new = make_key(), make_key()
    keys = Keys(parse_key("team-a", render_key(old) + "# since May\n" + render_key(new)))
    assert keys.find(old) == keys.find(new) == Caller("team-a")


@pytest.mark.parametrize(
    "text",
    ["", "gw_plain", "sha256:abc", "sha256:" + "0" * 64 + "\nallow:", "allow: a\n", "allow: a/b"],
)
def test_a_file_that_is_no_key_is_told_without_its_content(text: str) -> None:
    with pytest.raises(BrokenKey) as error:
        parse_key("team-a", text)
    assert "gw_plain" not in str(error.value)


@pytest.mark.parametrize(
    ("patterns", "assistant", "may"),
    [
        ((), "anything", True),
        ((), "", True),
        (("email_*",), "email_reply", True),
        (("email_*",), "campaign", False),
        (("email_*", "campaign"), "campaign", True),
        (("email_*",), "", False),
        (("Email_*",), "email_reply", False),
    ],
)
def test_a_caller_may_run_what_its_patterns_name(
    patterns: tuple[str, ...], assistant: str, may: bool
) -> None:
    assert Caller("team-a", patterns).may_run(assistant) is may


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("", None), (None, None)],
)
def test_a_bearer_token_is_what_follows_the_scheme(header: str | None, token: str | None) -> None:
    assert read_bearer(header) == token


@pytest.mark.parametrize(
    ("origin", "allowed", "line"),
    [
        (None, ("*",), b""),
        ("https://a.example", ("*",), b"access-control-allow-origin: *\r\n"),
        ("https://a.example", ("https://a.example",), b"origin: https://a.example\r\nvary: origin"),
        ("https://b.example", ("https://a.example",), b"vary: origin\r\n"),
    ],
)
def test_a_page_may_read_answers_where_its_origin_is_allowed(
    origin: str | None, allowed: tuple[str, ...], line: bytes
) -> None:
    cors = make_cors(origin, allowed)
    assert line in cors
    assert (b"allow-origin" in cors) == (origin is not None and bool({origin, "*"} & {*allowed}))
