"""What users do to a small fleet, step by step, and what stands in the API server in the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from integration.control.apiserver import Api
from integration.control.pods import Worker, start_pod

CHILDREN = (
    "ServiceAccount",
    "ConfigMap",
    "NetworkPolicy",
    "Service",
    "Job",
    "Deployment",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
)
_OF_THE_SERVER = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "namespace"}
)
SELECTOR = "app.kubernetes.io/managed-by=graphwarden-operator"
STEPS: list[tuple[str, Callable[[Api, Worker], None]]]


def _graph(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "graphwarden.dev/v1alpha1",
        "kind": "GraphSpec",
        "metadata": {"name": name},
        "spec": {"assistantID": name, "capability": "email", "module": f"graphs.{name}", **spec},
    }


def _pool(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "graphwarden.dev/v1alpha1",
        "kind": "GraphPool",
        "metadata": {"name": "email"},
        "spec": spec,
    }


def first_graph(api: Api, worker: Worker) -> None:
    """A first graph makes the pool."""
    worker.say(api.apply(_graph("a")), loaded=True)


def pod_starts(api: Api, worker: Worker) -> None:
    """A replica comes up."""
    start_pod(api, worker)
    status = {"replicas": 1, "readyReplicas": 1}
    api.patch("Deployment", "graphpool-email", {"status": status}, subresource="/status")


def second_graph(api: Api, worker: Worker) -> None:
    """Another graph joins the pool."""
    api.apply(_graph("b", run={"timeout": "1h"}))


def settings(api: Api, worker: Worker) -> None:
    """The platform team sets the pool up otherwise; the GraphPool becomes the owner."""
    api.apply(_pool(scaling={"maxReplicas": 4}, worker={"env": [{"name": "A", "value": "1"}]}))


def by_hand(api: Api, worker: Worker) -> None:
    """Nobody scales but the GraphPool."""
    api.apply(_pool(scaling={"mode": "None"}, replicas=2))


def a_graph_moves(api: Api, worker: Worker) -> None:
    """A graph goes to a pool of its own."""
    api.apply(_graph("b", capability="letters"))


def everything_goes(api: Api, worker: Worker) -> None:
    """The pool's graphs and settings are deleted; the other pool stays."""
    api.delete("GraphPool", "email")
    api.delete("GraphSpec", "a")


STEPS = [
    (step.__name__, step)
    for step in (
        first_graph,
        pod_starts,
        second_graph,
        settings,
        by_hand,
        a_graph_moves,
        everything_goes,
    )
]


def take_picture(api: Api) -> dict[str, Any]:
    """Children and conditions, without what the API server numbers anew each time."""
    uids: dict[str, str] = {}
    for kind in ("GraphSpec", "GraphPool"):
        uids |= {o["metadata"]["uid"]: f"{kind}/{o['metadata']['name']}" for o in api.list(kind)}
    picture: dict[str, Any] = {}
    for kind in CHILDREN:
        for body in api.list(kind, labelSelector=SELECTOR):
            meta = {k: v for k, v in body["metadata"].items() if k not in _OF_THE_SERVER}
            for owner in meta.get("ownerReferences", []):
                owner["uid"] = uids.get(owner["uid"], "somebody who is gone")
            spec = {k: v for k, v in body.get("spec", {}).items() if not k.startswith("clusterIP")}
            picture[f"{kind}/{meta['name']}"] = [meta, spec, body.get("data")]
    for kind in ("GraphSpec", "GraphPool"):
        for body in api.list(kind):
            conditions = body.get("status", {}).get("conditions", [])
            said = {c["type"]: (c["status"], c["reason"]) for c in conditions}
            picture[f"{kind}/{body['metadata']['name']}"] = said
    return picture


class Looking(Protocol):
    """The operator's process, as far as waiting for it goes."""

    def is_up(self) -> bool:
        """Whether it has read the fleet."""

    def count_passes(self) -> float:
        """How many passes over a pool it has brought to their end."""


def settle(
    api: Api,
    look: Callable[[], int],
    quiet_seconds: float,
    operator: Looking,
    limit: float = 600,
) -> None:
    """Wait until the operator is up, has seen every spec, and has written nothing for a while.

    In that while it has looked at each pool twice, however long that takes on this machine.
    `limit`, in seconds, is there to end, not to measure.
    """
    deadline = time.monotonic() + limit
    seen, since, looked, pools = look(), time.monotonic(), operator.count_passes(), 1
    while time.monotonic() - since < quiet_seconds or operator.count_passes() - looked <= 2 * pools:
        assert time.monotonic() < deadline, "the operator does not come to rest"
        time.sleep(0.25)
        now, specs = look(), [*api.list("GraphSpec"), *api.list("GraphPool")]
        pools = len({_find_pool(body) for body in specs})
        if now != seen or not operator.is_up() or not all(map(_is_observed, specs)):
            seen, since, looked = now, time.monotonic(), operator.count_passes()


def _find_pool(body: dict[str, Any]) -> str:
    return str(body["spec"].get("capability") or body["metadata"]["name"])


def _is_observed(body: dict[str, Any]) -> bool:
    seen = body.get("status", {}).get("observedGeneration")
    return bool(seen == body["metadata"]["generation"])
