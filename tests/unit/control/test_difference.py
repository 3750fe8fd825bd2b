"""No write when nothing changes, and a write when something of ours does."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwarden.control.difference import find_difference

DESIRED: dict[str, Any] = {
    "metadata": {"name": "x", "labels": {"a": "1"}},
    "spec": {
        "containers": [
            {
                "name": "worker",
                "image": "i:1",
                "resources": {"requests": {"cpu": 0.5, "memory": "1Gi"}},
                "env": [{"name": "A", "value": ""}, {"name": "B", "value": "2"}],
                "command": ["python", "-m"],
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    },
}

LIVE: dict[str, Any] = {
    "metadata": {"name": "x", "labels": {"a": "1", "theirs": "2"}, "uid": "u"},
    "spec": {
        "replicas": 3,
        "containers": [
            {"name": "injected", "image": "mesh:1"},
            {
                "name": "worker",
                "image": "i:1",
                "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
                "env": [{"name": "B", "value": "2"}, {"name": "A"}],
                "command": ["python", "-m"],
                "terminationMessagePath": "/dev/termination-log",
            },
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    },
}


def test_defaults_of_the_server_and_fields_of_others_are_no_difference() -> None:
    assert find_difference(DESIRED, LIVE) is None


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (lambda o: o["metadata"]["labels"].pop("a"), "metadata.labels.a"),
        (
            lambda o: o["spec"]["containers"][1].update(image="evil"),
            "spec.containers.worker.image",
        ),
        (lambda o: o["spec"]["containers"].pop(1), "spec.containers.worker"),
        (
            lambda o: o["spec"]["containers"][1]["resources"]["requests"].update(cpu="501m"),
            "spec.containers.worker.resources.requests.cpu",
        ),
        (
            lambda o: o["spec"]["containers"][1]["command"].append("x"),
            "spec.containers.worker.command",
        ),
        (
            lambda o: o["spec"]["containers"][1]["env"][0].update(value="2.0"),
            "spec.containers.worker.env.B.value",
        ),
        (lambda o: o["spec"]["volumes"][0].pop("emptyDir"), None),
        (lambda o: o["spec"].update(replicas=9), None),
    ],
)
def test_an_edit_is_a_difference_only_in_what_is_ours(edit: Any, path: str | None) -> None:
    live = copy.deepcopy(LIVE)
    edit(live)
    assert find_difference(DESIRED, live) == path


def test_a_security_field_that_was_removed_is_a_difference() -> None:
    desired = {"spec": {"automountServiceAccountToken": False}}
    assert find_difference(desired, {"spec": {}}) == "spec.automountServiceAccountToken"


def _owned(fields: dict[str, Any], manager: str = "graphwarden-operator") -> dict[str, Any]:
    entry = {"manager": manager, "operation": "Apply", "fieldsV1": fields}
    return {"metadata": {"managedFields": [entry]}, "spec": {"a": 1, "b": 2}}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"f:spec": {"f:a": {}}}, None),
        ({"f:spec": {"f:a": {}, "f:b": {}}}, "spec.b"),
        ({"f:spec": {".": {}, "f:a": {".": {}}}}, None),
    ],
)
def test_a_field_that_we_own_and_no_longer_want_is_a_difference(
    fields: dict[str, Any], path: str | None
) -> None:
    assert find_difference({"spec": {"a": 1}}, _owned(fields)) == path


def test_a_field_that_another_manager_owns_is_theirs_to_keep() -> None:
    live = _owned({"f:spec": {"f:b": {}}}, manager="somebody")
    assert find_difference({"spec": {"a": 1}}, live) is None


@pytest.mark.parametrize(
    ("key", "surplus"),
    [
        ('k:{"uid":"one"}', False),
        ('k:{"uid":"two"}', True),
    ],
)
def test_an_owner_that_left_is_a_difference(key: str, surplus: bool) -> None:
    desired = {"metadata": {"ownerReferences": [{"uid": "one"}]}}
    fields = {"f:metadata": {"f:ownerReferences": {".": {}, key: {".": {}}}}}
    live: dict[str, Any] = _owned(fields)
    live["metadata"]["ownerReferences"] = [{"uid": "one"}, {"uid": "two"}]
    assert (find_difference(desired, live) is not None) is surplus


def test_a_key_field_left_to_its_default_is_found() -> None:
    ports = [{"containerPort": 8000}]
    fields = {"f:spec": {"f:ports": {'k:{"containerPort":8000,"protocol":"TCP"}': {".": {}}}}}
    live: dict[str, Any] = _owned(fields)
    live["spec"] = {"ports": [{"containerPort": 8000, "protocol": "TCP"}]}
    assert find_difference({"spec": {"ports": ports}}, live) is None


_leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_trees = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
)
_objects = st.dictionaries(st.text(max_size=4), _trees, max_size=4)


def _with_cpu(cpu: str) -> dict[str, Any]:
    resources = {"requests": {"cpu": cpu}}
    return {"spec": {"containers": [{"name": "a", "resources": resources}]}}


@pytest.mark.parametrize(
    ("field", "unset", "default", "other"),
    [
        ("periodSeconds", 0, 10, 5),
        ("timeoutSeconds", 0, 1, 5),
        ("dnsPolicy", "", "ClusterFirst", "Default"),
        ("terminationMessagePolicy", "", "File", "FallbackToLogsOnError"),
    ],
)
def test_what_stands_for_nothing_is_no_difference_to_the_servers_default(
    field: str, unset: object, default: object, other: object
) -> None:
    assert find_difference({"spec": {field: unset}}, {"spec": {field: default}}) is None
    assert find_difference({"spec": {field: unset}}, {"spec": {field: other}}) == f"spec.{field}"


def test_a_request_of_nothing_is_a_quantity() -> None:
    desired, live = ({"limits": {"x.org/y": amount}} for amount in (0, "0"))
    assert find_difference(desired, live) is None


@pytest.mark.parametrize(("wanted", "live"), [("0.0001", "1m"), ("1.0005", "1001m"), ("1", "1")])
def test_a_request_below_a_thousandth_is_no_difference_to_what_the_server_makes_of_it(
    wanted: str, live: str
) -> None:
    assert find_difference(_with_cpu(wanted), _with_cpu(live)) is None


@given(_objects)
def test_an_object_does_not_differ_from_itself(body: dict[str, Any]) -> None:
    assert find_difference({"spec": body}, {"spec": copy.deepcopy(body)}) is None


@given(_objects, st.dictionaries(st.text(min_size=6, max_size=8), _leaves, max_size=3))
def test_what_others_add_is_never_a_difference(
    body: dict[str, Any], theirs: dict[str, Any]
) -> None:
    assert find_difference({"spec": body}, {"spec": {**body, **theirs}}) is None
