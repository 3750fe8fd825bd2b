"""What the API server and the workers say, as values that decisions are made from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from graphwarden.api import names
from graphwarden.control.kinds import AUTOSCALER, DEPLOYMENT, Manifest

_RUNNING: Final = "Running"


@dataclass(frozen=True)
class PodView:
    """One pod of a pool."""

    name: str
    ip: str
    running: bool
    ready: bool
    registry_revision: str


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

    def find(self, assistant_id: str) -> LoadRow | None:
        """The row of a graph."""
        return next((row for row in self.graphs if row.assistant_id == assistant_id), None)


@dataclass(frozen=True)
class Observed:
    """The live state of one pool: children, pods, and load tables by pod name."""

    children: Sequence[Manifest] = ()
    pods: Sequence[PodView] = ()
    tables: Mapping[str, LoadTable] = field(default_factory=dict)

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
    def autoscaler(self) -> Manifest | None:
        """The pool's autoscaler."""
        return self._find(AUTOSCALER.name)

    def _find(self, kind: str) -> Manifest | None:
        return next((child for child in self.children if child["kind"] == kind), None)


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
    )


def find_raw_condition(body: Manifest | None, kind: str) -> dict[str, Any]:
    """The condition of that type in a live object's status; empty when there is none."""
    conditions = (body or {}).get("status", {}).get("conditions") or []
    return next((c for c in conditions if c.get("type") == kind), {})
