"""What the API server and the workers say, as values that decisions are made from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from graphwarden.api import names
from graphwarden.control.kinds import AUTOSCALER, DEPLOYMENT, JOB, SCALED_OBJECT, Manifest

_RUNNING: Final = "Running"


@dataclass(frozen=True)
class PodView:
    """One pod of a pool."""

    name: str
    ip: str
    running: bool
    ready: bool
    registry_revision: str
    deletion_cost: str = ""


class LoadRow(BaseModel):
    """What one worker says of one graph."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    assistant_id: str
    generation: int = 0
    loaded: bool = False
    reason: str | None = None
    message: str | None = None


class LoadTable(BaseModel):
    """The answer of a worker's `GET /graphs`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    graphs: list[LoadRow] = Field(default_factory=list)
    in_flight: int = Field(0, ge=0)

    def find(self, assistant_id: str) -> LoadRow | None:
        """The row of a graph."""
        return next((row for row in self.graphs if row.assistant_id == assistant_id), None)


@dataclass(frozen=True)
class Observed:
    """The live state of one pool: children, pods, and load tables by pod name."""

    children: Sequence[Manifest] = ()
    pods: Sequence[PodView] = ()
    tables: Mapping[str, LoadTable] = field(default_factory=dict)
    # What a failed Job that tried a new image left behind.
    preflight_report: str = ""

    @property
    def ready_pods(self) -> list[PodView]:
        """Pods that take traffic."""
        return [pod for pod in self.pods if pod.ready]

    @property
    def running_pods(self) -> list[PodView]:
        """Pods whose worker may answer, ready or not."""
        return [pod for pod in self.pods if pod.running]

    @property
    def deployment(self) -> Manifest | None:
        """The pool's Deployment."""
        return self._find(DEPLOYMENT.name)

    @property
    def failed_preflight(self) -> str | None:
        """The name of a Job that tried a new image and failed."""
        jobs = (child for child in self.children if child["kind"] == JOB.name)
        failed = (j for j in jobs if find_raw_condition(j, "Failed").get("status") == "True")
        return next((job["metadata"]["name"] for job in failed), None)

    @property
    def autoscaler(self) -> Manifest | None:
        """The pool's autoscaler."""
        return self._find(AUTOSCALER.name)

    @property
    def scaled_object(self) -> Manifest | None:
        """The pool's ScaledObject."""
        return self._find(SCALED_OBJECT.name)

    def _find(self, kind: str) -> Manifest | None:
        return next(
            (c for c in self.children if c["kind"] == kind and not is_foreign(c)),
            None,
        )


def is_foreign(child: Manifest) -> bool:
    """Whether somebody else controls the object: KEDA's autoscalers carry our labels."""
    owners = child["metadata"].get("ownerReferences") or []
    return any(
        owner.get("controller") and owner.get("apiVersion") != names.API_VERSION for owner in owners
    )


def find_termination_message(pods: Iterable[Manifest]) -> str:
    """The last termination message among these pods' containers; empty when there is none."""
    ends = [
        (str(end.get("finishedAt", "")), str(end["message"]))
        for pod in pods
        for container in pod.get("status", {}).get("containerStatuses") or []
        if (end := container.get("state", {}).get("terminated") or {}).get("message")
    ]
    return max(ends)[1] if ends else ""


def parse_pods(bodies: Iterable[Manifest]) -> list[PodView]:
    """The pods that are not on their way out, sorted by name."""
    alive = (body for body in bodies if not body["metadata"].get("deletionTimestamp"))
    return sorted((_parse_pod(body) for body in alive), key=lambda pod: pod.name)


def _parse_pod(body: Manifest) -> PodView:
    meta, status = body["metadata"], body.get("status", {})
    ready = find_raw_condition(body, "Ready").get("status") == "True"
    annotations = meta.get("annotations") or {}
    ip = status.get("podIP", "")
    return PodView(
        name=meta["name"],
        ip=ip,
        running=status.get("phase") == _RUNNING and bool(ip),
        ready=ready,
        registry_revision=annotations.get(names.ANNOTATION_REGISTRY_REVISION, ""),
        deletion_cost=annotations.get(names.ANNOTATION_DELETION_COST, ""),
    )


def find_raw_condition(body: Manifest | None, kind: str) -> dict[str, Any]:
    """The condition of that type in a live object's status; empty when there is none."""
    conditions = (body or {}).get("status", {}).get("conditions") or []
    return next((c for c in conditions if c.get("type") == kind), {})
