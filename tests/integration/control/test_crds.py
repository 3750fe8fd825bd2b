"""What the API server refuses by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.integration

GRAPHS = Path(__file__).parents[3] / "graphs"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"precompiled": True, "resumable": True}, "cannot be resumable"),
        ({"run": {"retry": "Resume"}}, "needs resumable: true"),
        ({"run": {"timeout": "25h"}}, "between 1s and 24h"),
        ({"run": {"timeout": "1d"}}, "spec.run.timeout"),
        ({"capability": "E-Mail"}, "spec.capability"),
        ({"capability": "x" * 41}, "spec.capability"),
        ({"assistantID": "Email Reply"}, "spec.assistantID"),
        ({"module": "graphs/x"}, "spec.module"),
        ({"page": {"methods": ["GET"]}, "resumable": True}, "page needs resumable: false"),
    ],
)
def test_a_graph_that_breaks_a_rule_is_refused(
    api: Any, make_graph: Any, spec: Any, message: str
) -> None:
    answer = api.try_apply(make_graph("bad", **spec))
    assert answer.status_code == 422
    assert message in answer.json()["message"]


def test_an_assistant_id_never_changes(api: Any, make_graph: Any) -> None:
    api.apply(make_graph("a"))
    answer = api.try_apply(make_graph("a"))
    assert answer.status_code == 422
    assert "immutable" in answer.json()["message"]


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        ("email", {"scaling": {"minReplicas": 3, "maxReplicas": 2}}, "minReplicas"),
        ("email", {"replicas": 2}, "scaling.mode: None"),
        ("x" * 41, {}, "named after its capability"),
        ("e.mail", {}, "named after its capability"),
        ("email", {"admission": {"maxWait": "soon"}}, "maxWait"),
    ],
)
def test_a_pool_that_breaks_a_rule_is_refused(
    api: Any, make_graphpool: Any, name: str, spec: Any, message: str
) -> None:
    answer = api.try_apply(make_graphpool(name, **spec))
    assert answer.status_code == 422
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.capability=email", ["one"]),
        ("spec.capability=search", ["two"]),
        ("spec.assistantID=selectable-two", ["two"]),
    ],
)
def test_graphs_are_found_by_capability_and_assistant_id(
    api: Any, make_graph: Any, selector: str, found: list[str]
) -> None:
    api.apply(make_graph("one"))
    api.apply(make_graph("two", capability="search", assistantID="selectable-two"))
    graphs = api.list("GraphSpec", fieldSelector=selector)
    assert [graph["metadata"]["name"] for graph in graphs] == found


def test_an_applied_graph_has_its_defaults(api: Any, make_graph: Any) -> None:
    spec = api.apply(make_graph("a"))["spec"]
    assert spec["builderAttr"] == "build_graph"
    assert spec["precompiled"] is False


def test_a_graph_without_a_page_stays_without_one(api: Any, make_graph: Any) -> None:
    assert "page" not in api.apply(make_graph("a"))["spec"]


@pytest.mark.parametrize(
    "path", sorted(GRAPHS.glob("*/graphspec.yaml")), ids=lambda p: p.parent.name
)
def test_every_graph_of_this_repository_is_accepted(api: Any, path: Path) -> None:
    answer = api.try_dry_run(yaml.safe_load(path.read_text()))
    assert answer.status_code == 201, answer.json()["message"]
