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


def _attributes(kube: Kube, verb: str, resource: str) -> dict[str, str]:
    name, _, subresource = resource.partition("/")
    return {
        "namespace": kube.namespace,
        "verb": verb,
        "resource": name,
        "subresource": subresource,
    }
