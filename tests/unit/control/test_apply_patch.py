"""Bodies that the API server reads as YAML."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from graphwarden.control.apply_patch import is_refusal, render_apply_patch


@pytest.mark.parametrize(
    "text", ["🌍", "日本語", "\u2028", "\x85", "\ufeff", 'a "b" \\ud83c', "\x00"]
)
def test_any_character_comes_through_yaml(text: str) -> None:
    assert yaml.safe_load(render_apply_patch({"data": text})) == {"data": text}


def test_half_a_character_is_left_to_the_api_server() -> None:
    assert render_apply_patch({"data": "\ud83c"}).encode() == b'{"data": "\\ud83c"}'


@given(st.dictionaries(st.text(), st.text()))
def test_a_patch_is_json_too(data: dict[str, str]) -> None:
    assert json.loads(render_apply_patch(data)) == data


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (422, "Deployment is invalid", True),
        (403, "exceeded quota", True),
        (500, "failed to create typed patch object (a/b): .spec.x: expected map", True),
        (500, "failed to convert new object (a/b) to proper version", True),
        (500, "etcdserver: request timed out", False),
        (409, "the object has been modified", False),
        (503, "the server is currently unable to handle the request", False),
    ],
)
def test_content_that_is_never_taken_is_told_from_a_server_in_trouble(
    status: int, message: str, expected: bool
) -> None:
    assert is_refusal(status, message) is expected
