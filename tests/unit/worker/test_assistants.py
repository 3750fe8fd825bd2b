from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from graphwarden.api.registry import Row
from graphwarden.worker.assistant_requests import parse_change, parse_new_assistant
from graphwarden.worker.assistants import Assistant, ResolvedAssistant, apply_assistant
from graphwarden.worker.errors import ApiError
from graphwarden.worker.graphs import Slot
from graphwarden.worker.loader import LoadedGraph
from graphwarden.worker.requests import RunRequest

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def resolve(declares_context: bool = False, **settings: Any) -> ResolvedAssistant:
    row = Row(assistant_id="echo", module="m")
    pregel = SimpleNamespace(context_schema=dict if declares_context else None)
    slot = Slot(row, graph=LoadedGraph(row, cast(Any, pregel)))
    return ResolvedAssistant(slot, "id", **settings)


def ask(**settings: Any) -> RunRequest:
    return RunRequest("echo", **settings)


@pytest.mark.parametrize(
    ("mine", "asked", "merged"),
    [
        ({}, {}, {}),
        ({"tags": ["a"]}, {}, {"tags": ["a"]}),
        (
            {"tags": ["a"], "recursion_limit": 5},
            {"tags": ["b"]},
            {"tags": ["b"], "recursion_limit": 5},
        ),
        ({"recursion_limit": 5}, {"recursion_limit": 7}, {"recursion_limit": 7}),
    ],
)
def test_the_callers_configuration_goes_over_the_assistants(
    mine: dict[str, Any], asked: dict[str, Any], merged: dict[str, Any]
) -> None:
    assert apply_assistant(ask(config=asked), resolve(config=mine)).config == merged


def test_the_assistants_metadata_is_under_the_callers() -> None:
    assistant = resolve(metadata={"team": "a", "kind": "b"})
    merged = apply_assistant(ask(config={"metadata": {"kind": "c"}}), assistant)
    assert merged.config["metadata"] == {"team": "a", "kind": "c"}


def test_a_default_assistant_changes_nothing_of_a_request() -> None:
    request = ask(config={"configurable": {"a": 1}, "tags": ["t"]})
    assert apply_assistant(request, resolve()) == request


@pytest.mark.parametrize("context", [{}, {"who": "y"}])
def test_a_graph_with_a_context_gets_the_assistants_values_there_alone(
    context: dict[str, Any],
) -> None:
    assistant = resolve(True, context={"who": "x", "k": 1})
    merged = apply_assistant(ask(context=context), assistant)
    assert merged.context == {"who": "x", "k": 1, **context}
    assert "configurable" not in merged.config


@pytest.mark.parametrize("declares_context", [True, False])
def test_what_is_asked_by_the_older_name_goes_over_the_assistants_context(
    declares_context: bool,
) -> None:
    assistant = resolve(declares_context, context={"who": "x", "k": 1})
    merged = apply_assistant(ask(config={"configurable": {"who": "y"}}), assistant)
    assert merged.config["configurable"] == {"who": "y", "k": 1}
    assert merged.context == {}


def test_a_graph_without_a_context_reads_the_assistants_values_by_the_older_name() -> None:
    assistant = resolve(context={"who": "x"})
    assert apply_assistant(ask(), assistant).config == {"configurable": {"who": "x"}}


STORED = Assistant(
    "id",
    "echo",
    "mine",
    NOW,
    NOW,
    config={"tags": ["t"], "configurable": {"k": 1}},
    context={"k": 1},
    metadata={"m": 1},
)


@pytest.mark.parametrize(
    ("body", "config", "context"),
    [
        ({}, {"tags": ["t"], "configurable": {"k": 1}}, {"k": 1}),
        ({"context": {"k": 2}}, {"tags": ["t"], "configurable": {"k": 2}}, {"k": 2}),
        ({"context": {}}, {"tags": ["t"]}, {}),
        ({"config": {"configurable": {"k": 3}}}, {"configurable": {"k": 3}}, {"k": 3}),
        ({"config": {"tags": ["u"]}}, {"tags": ["u"], "configurable": {"k": 1}}, {"k": 1}),
        (
            {"config": {"configurable": {"k": 4}}, "context": {"k": 4}},
            {"configurable": {"k": 4}},
            {"k": 4},
        ),
    ],
)
def test_context_and_configurable_mirror_each_other(
    body: dict[str, Any], config: dict[str, Any], context: dict[str, Any]
) -> None:
    changed = parse_change(body).apply(STORED)
    assert (changed.config, changed.context) == (config, context)


def test_what_a_change_does_not_speak_of_stays() -> None:
    changed = parse_change({"description": "new", "metadata": {"n": 2}}).apply(STORED)
    assert (changed.name, changed.graph_id, changed.description) == ("mine", "echo", "new")
    assert changed.metadata == {"m": 1, "n": 2}


def test_a_new_assistant_has_a_name_and_an_id_in_any_case() -> None:
    made = parse_new_assistant({"graph_id": "echo"}, NOW).assistant
    assert (made.name, made.version, len(made.assistant_id)) == ("Untitled", 1, 36)


@pytest.mark.parametrize(
    ("parse", "body", "status"),
    [
        (parse_change, {"config": {"configurable": {"a": 1}}, "context": {"b": 1}}, 400),
        (parse_change, {"config": {"recursion_limit": 0}}, 422),
        (parse_change, {"context": 5}, 422),
        (parse_change, {"metadata": "x"}, 422),
        (parse_change, {"metadata": {"created_by": "system"}}, 422),
        (lambda body: parse_new_assistant(body, NOW), {"name": "x"}, 422),
        (lambda body: parse_new_assistant(body, NOW), {"graph_id": "g", "assistant_id": "x"}, 422),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    parse: Callable[[dict[str, Any]], Any], body: dict[str, Any], status: int
) -> None:
    with pytest.raises(ApiError) as refused:
        parse(body)
    assert refused.value.status == status
