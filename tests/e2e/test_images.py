"""What the images hold, asked of the pods that run them."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.kube import Kube

Fleet = dict[str, dict[str, Any]]
DATA_PLANE = ("langgraph", "langchain", "sqlalchemy", "psycopg", "aiosqlite", "starlette")
LIST = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
WHO = "import os; print(os.getuid(), os.access('/', os.W_OK), os.access('/app', os.W_OK))"


def _python(kube: Kube, deployment: str, program: str) -> list[str]:
    target = f"deployment/{deployment}"
    return kube.kubectl("exec", target, "--", "python", "-c", program).split()


@pytest.mark.parametrize("program", ["operator", "router"])
def test_the_control_plane_holds_no_graph_library_and_no_database_driver(
    kube: Kube, program: str
) -> None:
    found = _python(kube, f"graphwarden-{program}", LIST)
    assert "graphwarden" in found
    assert [name for name in found if name.startswith(DATA_PLANE)] == []


def test_a_worker_cannot_speak_to_kubernetes(kube: Kube, fleet: Fleet) -> None:
    found = _python(kube, "graphpool-email", LIST)
    pod = kube.pods("email")[0]
    assert "langgraph" in found
    assert {"kopf", "kubernetes"}.isdisjoint(found)
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert all("token" not in volume["name"] for volume in pod["spec"]["volumes"])


@pytest.mark.parametrize(
    "deployment", ["graphwarden-operator", "graphwarden-router", "graphpool-email"]
)
def test_a_program_runs_without_rights_and_cannot_change_itself(
    kube: Kube, fleet: Fleet, deployment: str
) -> None:
    assert _python(kube, deployment, WHO) == ["65532", "False", "False"]
