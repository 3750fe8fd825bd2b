"""From what should be and what is to the few writes in between. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphwarden.api import names
from graphwarden.control.difference import find_difference
from graphwarden.control.kinds import CHILDREN, DEPLOYMENT, Manifest, identify
from graphwarden.control.observed import Observed


@dataclass(frozen=True)
class Apply:
    """Apply one child; `reason` says in a few words why."""

    body: Manifest
    reason: str


@dataclass(frozen=True)
class Delete:
    """Delete one child that is no longer wanted, if it is still the one that was seen."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True)
class HandOver:
    """Leave `spec.replicas` of a Deployment to others at its present value.

    An owner that takes its field back takes the value with it: without another owner the API
    server would fall back to one replica at that moment.
    """

    name: str
    replicas: int


@dataclass(frozen=True)
class Touch:
    """Annotate a pod, so that its kubelet brings the registry up to date at once."""

    pod: str
    revision: str


Step = Apply | Delete | HandOver | Touch


def plan(desired: Sequence[Manifest], observed: Observed, registry_revision: str) -> list[Step]:
    """The writes that lead from the live children to the desired ones, in order.

    Nothing to do gives an empty list. A child that is being deleted is left alone: its end is an
    event that comes back here.
    """
    live = {identify(child): child for child in observed.children}
    wanted = {identify(child) for child in desired}
    steps: list[Step] = []
    for child in desired:
        steps += _plan_child(child, live.get(identify(child)))
    if desired:
        steps += [
            Touch(pod.name, registry_revision)
            for pod in observed.running_pods
            if pod.registry_revision != registry_revision
        ]
    order = {kind.name: index for index, kind in enumerate(CHILDREN)}
    surplus = [child for key, child in live.items() if key not in wanted]
    for child in sorted(surplus, key=lambda child: order[child["kind"]], reverse=True):
        if not child["metadata"].get("deletionTimestamp"):
            meta = child["metadata"]
            steps.append(Delete(child["kind"], meta["name"], meta.get("uid", "")))
    return steps


def _plan_child(desired: Manifest, live: Manifest | None) -> list[Step]:
    if live is None:
        return [Apply(desired, "it does not exist")]
    if live["metadata"].get("deletionTimestamp"):
        return []
    difference = find_difference(desired, live)
    if difference is None:
        return []
    steps: list[Step] = []
    if desired["kind"] == DEPLOYMENT.name and _gives_up_replicas(desired, live):
        steps.append(HandOver(desired["metadata"]["name"], live["spec"].get("replicas", 1)))
    return [*steps, Apply(desired, f"{difference} differs")]


def _gives_up_replicas(desired: Manifest, live: Manifest) -> bool:
    if "replicas" in desired["spec"]:
        return False
    owners = [
        entry.get("manager")
        for entry in live["metadata"].get("managedFields", ())
        if "f:replicas" in _owned_spec(entry)
    ]
    return owners == [names.FIELD_MANAGER]


def _owned_spec(entry: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = entry.get("fieldsV1", {}).get("f:spec", {})
    return spec
