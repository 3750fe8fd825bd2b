from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwarden.api import names
from graphwarden.api.table import AssistantRoute, PoolRoute, RouteTable
from graphwarden.router.answers import filter_baggage
from graphwarden.router.choose import choose_endpoint
from graphwarden.router.routing import (
    Target,
    decode_assistant,
    decode_thread_graph,
    find_at_start,
    find_route,
)
from graphwarden.router.table import make_table


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/runs/wait", Target.BODY_ASSISTANT),
        ("POST", "/runs", Target.BODY_ASSISTANT),
        ("POST", "/runs/stream", Target.BODY_ASSISTANT),
        ("POST", "/threads/campaign-1-2/runs/wait", Target.BODY_ASSISTANT),
        ("GET", "/runs/wait", Target.WRONG_METHOD),
        ("GET", "/threads/t-1/state", Target.THREAD),
        ("POST", "/threads/t-1/history", Target.THREAD),
        ("GET", "/threads/t-1/runs", Target.THREAD),
        ("GET", "/threads/t-1/runs/r/join", Target.THREAD),
        ("DELETE", "/threads/t-1", Target.THREAD),
        ("POST", "/threads/t-1/commands", Target.COMMAND),
        ("GET", "/threads/t-1/commands", Target.WRONG_METHOD),
        ("POST", "/mcp", Target.TOOLS),
        ("GET", "/mcp", Target.WRONG_METHOD),
        ("DELETE", "/mcp", Target.OWN),
        ("POST", "/threads/t-1/copy", Target.THREAD),
        ("POST", "/threads/prune", Target.STORAGE),
        ("POST", "/threads/count", Target.STORAGE),
        ("POST", "/runs/cancel", Target.STORAGE),
        ("GET", "/openapi.json", Target.STORAGE),
        ("GET", "/docs", Target.STORAGE),
        ("GET", "/runs/r/stream", Target.STORAGE),
        ("POST", "/runs/crons", Target.BODY_ASSISTANT),
        ("POST", "/threads/t-1/runs/crons", Target.BODY_ASSISTANT),
        ("PATCH", "/runs/crons/c", Target.STORAGE),
        ("POST", "/threads", Target.STORAGE),
        ("POST", "/threads/search", Target.STORAGE),
        ("PUT", "/store/items", Target.STORAGE),
        ("GET", "/assistants/x/schemas", Target.PATH_ASSISTANT),
        ("GET", "/assistants/x", Target.OWN),
        ("DELETE", "/assistants/x", Target.OWN),
        ("PATCH", "/assistants/x", Target.OWN),
        ("PUT", "/assistants/x", Target.WRONG_METHOD),
        ("POST", "/assistants", Target.OWN),
        ("GET", "/assistants", Target.WRONG_METHOD),
        ("POST", "/assistants/x/versions", Target.OWN),
        ("GET", "/assistants/x/latest", Target.WRONG_METHOD),
        ("GET", "/assistants/x/subgraphs/n", Target.PATH_ASSISTANT),
        ("POST", "/assistants/search", Target.OWN),
        ("GET", "/ok", Target.OWN),
        ("HEAD", "/ok", Target.OWN),
        ("POST", "/ok", Target.WRONG_METHOD),
        ("GET", "/health", Target.NOWHERE),
        ("GET", "//runs/wait", Target.NOWHERE),
        ("POST", "/runs/wait/", Target.NOWHERE),
    ],
)
def test_each_path_has_one_who_answers(method: str, path: str, target: Target) -> None:
    assert find_route(method, path).target is target


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values, st.text(), st.booleans())
def test_the_assistant_is_found_wherever_it_stands_in_the_body(
    value: object, assistant: str, first: bool
) -> None:
    pairs = [("assistant_id", assistant), ("input", value)]
    body = json.dumps(dict(pairs if first else reversed(pairs))).encode()
    assert decode_assistant(body) == assistant


awkward_keys = st.sampled_from(["assistant_id", 'a"assistant_id', "a", "\\", '"'])
awkward_values = st.recursive(
    st.text() | st.sampled_from(['"assistant_id": "x"', '{"assistant_id": "x"}', "assistant_id"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(awkward_keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(awkward_keys, awkward_values), st.booleans())
def test_the_assistant_of_a_long_body_is_the_one_that_a_parser_finds(
    value: dict[str, object], escaped: bool
) -> None:
    body = json.dumps({"input": "x" * 20_000, **value}, ensure_ascii=escaped).encode()
    wanted = value.get("assistant_id")
    if isinstance(wanted, str) or wanted is None:
        assert decode_assistant(body) == wanted


def test_of_two_assistants_in_a_long_body_the_last_counts() -> None:
    start = '{"assistant_id": "a", "input": "' + "x" * 20_000
    for last in ('"assistant_id"', r'"assistant\u005fid"'):
        assert decode_assistant(f'{start}", "assistant_id": "b", {last}: "c"}}'.encode()) == "c"


@pytest.mark.parametrize(
    ("beginning", "assistant"),
    [
        (b'{"assistant_id": "x", "input": {', "x"),
        (b' {\n "assistant_id":"x"}', "x"),
        (b'{"assistant_id": "x', None),
        (b'{"assistant_id": "a\\u0062",', None),
        (b'{"input": {"assistant_id": "x"}', None),
        (b"", None),
    ],
)
def test_an_assistant_that_a_body_begins_with_is_found_before_the_rest_arrives(
    beginning: bytes, assistant: str | None
) -> None:
    assert find_at_start(beginning) == assistant


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": 1', b"[1]", b'{"assistant_id": 5}', b"\xff"])
def test_a_body_that_names_no_assistant_is_an_error(body: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        decode_assistant(body)


def test_an_assistant_inside_the_input_is_not_the_one_to_run() -> None:
    assert decode_assistant(b'{"input": {"assistant_id": "other"}}') is None


@pytest.mark.parametrize(
    ("body", "graph"),
    [(b'{"metadata": {"graph_id": "g"}}', "g"), (b"{}", None), (b"not json", None)],
)
def test_a_new_thread_may_name_its_graph(body: bytes, graph: str | None) -> None:
    assert decode_thread_graph(body) == graph


def make_document() -> RouteTable:
    return RouteTable(
        pools={
            "cold": PoolRoute(has_storage=True),
            "warm": PoolRoute(has_storage=True, endpoints=["a:1"]),
            "plain": PoolRoute(endpoints=["b:1"]),
        },
        assistants={"x": AssistantRoute(pool="warm")},
    )


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("x", "x"),
        (names.assistant_uuid("x"), "x"),
        (names.assistant_uuid("x").upper(), "x"),
        ("y", None),
    ],
)
def test_a_graph_is_found_by_its_name_and_by_its_assistants_uuid(
    asked: str, found: str | None
) -> None:
    assert make_table(make_document()).find(asked) == found


def test_pools_with_storage_come_with_those_that_have_workers_first() -> None:
    assert make_table(make_document()).storage_pools == ("warm", "cold")


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 5), min_size=1), st.integers())
def test_the_least_busy_endpoint_is_chosen(busy: dict[str, int], turn: int) -> None:
    chosen = choose_endpoint(list(busy), busy, set(), turn)
    assert chosen is not None
    assert busy[chosen] == min(busy.values())


def test_equally_busy_endpoints_take_turns() -> None:
    assert {choose_endpoint(["a", "b", "c"], {}, set(), turn) for turn in range(3)} == set("abc")


def test_an_endpoint_that_refused_is_asked_again_only_when_all_did() -> None:
    assert choose_endpoint(["a", "b"], {"b": 9}, {"a"}, 0) == "b"
    assert choose_endpoint(["a"], {}, {"a"}, 0) == "a"


def test_a_pool_without_workers_has_no_endpoint() -> None:
    assert choose_endpoint([], {}, set(), 3) is None


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (None, ""),
        ("assistant_id=x,userid=7, thread_id=t;prop=1", "assistant_id=x,thread_id=t"),
        ("capability = email ,thread_id=ann%40example.org", "capability=email"),
        ("thread_id=ann@example.org,assistant_id=" + "x" * 101, ""),
        ("secret=1", ""),
    ],
)
def test_only_our_own_baggage_crosses_the_border(header: str | None, kept: str) -> None:
    assert filter_baggage(header) == kept
