"""The rights of the two service accounts against what they asked for in this session."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.audit import read_audit
from e2e.kube import Kube

Fleet = dict[str, dict[str, Any]]


@pytest.mark.parametrize("program", ["operator", "router"])
def test_nothing_that_a_program_asked_for_was_forbidden(
    kube: Kube, fleet: Fleet, program: str
) -> None:
    if not kube.is_local:
        pytest.skip("the audit log of this cluster is not at hand")
    account = f"system:serviceaccount:{kube.namespace}:graphwarden-{program}"
    asked = [entry for entry in read_audit() if entry["user"]["username"] == account]
    forbidden = [
        (entry["verb"], entry["requestURI"])
        for entry in asked
        if entry.get("responseStatus", {}).get("code") == 403
    ]
    assert asked
    assert forbidden == []


@pytest.mark.parametrize("program", ["operator", "router"])
def test_every_right_that_a_program_has_was_used(kube: Kube, fleet: Fleet, program: str) -> None:
    if not kube.is_local:
        pytest.skip("the audit log of this cluster is not at hand")
    account = f"system:serviceaccount:{kube.namespace}:graphwarden-{program}"
    used = {
        (verb, _name_resource(entry["objectRef"]))
        for entry in read_audit()
        if entry["user"]["username"] == account and "objectRef" in entry
        for verb in _list_verbs(entry)
    }
    given = {
        (verb, f"{group}/{resource}")
        for rule in kube.get("role", f"graphwarden-{program}")["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert given - used == set()


@pytest.mark.parametrize("program", ["operator", "router"])
@pytest.mark.parametrize("right", ["get secrets", "create pods", "create pods/exec", "list nodes"])
def test_a_program_has_no_right_that_it_does_not_need(kube: Kube, program: str, right: str) -> None:
    account = f"system:serviceaccount:{kube.namespace}:graphwarden-{program}"
    verb, resource = right.split()
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": account, "resourceAttributes": _attributes(kube, verb, resource)},
    }
    answer = kube.create(review)
    assert answer["status"]["allowed"] is False


def _list_verbs(entry: dict[str, Any]) -> list[str]:
    """An apply that makes its object is a patch in the log, and needs the right to create it."""
    made = entry["verb"] == "patch" and entry.get("responseStatus", {}).get("code") == 201
    return [entry["verb"], *(["create"] if made else [])]


def _name_resource(reference: dict[str, str]) -> str:
    name = "/".join(filter(None, (reference.get("resource"), reference.get("subresource"))))
    return f"{reference.get('apiGroup', '')}/{name}"


def _attributes(kube: Kube, verb: str, resource: str) -> dict[str, str]:
    name, _, subresource = resource.partition("/")
    return {
        "namespace": kube.namespace,
        "verb": verb,
        "resource": name,
        "subresource": subresource,
    }
