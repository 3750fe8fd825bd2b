"""From what should be and what is to the few writes in between. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from graphwarden.api import names
from graphwarden.control.difference import find_difference
from graphwarden.control.kinds import (
    AUTOSCALER,
    CHILDREN_WITH_KEDA,
    DEPLOYMENT,
    SCALED_OBJECT,
    SCALERS,
    Manifest,
    identify,
)
from graphwarden.control.observed import Observed, is_foreign


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


@dataclass(frozen=True)
class Cost:
    """Tell Kubernetes how dear a pod is when fewer are wanted; empty: not at all."""

    pod: str
    cost: str


Step = Apply | Delete | HandOver | Touch | Cost


def describe(step: Step) -> str:
    """The step in a few words, for a sentence."""
    match step:
        case Apply(body, _):
            kind, name = identify(body)
            return f"{kind} {name}"
        case HandOver(name, _):
            return f"the replicas of Deployment {name}"
        case Delete(kind, name, _):
            return f"the end of {kind} {name}"
        case Touch(pod, _) | Cost(pod, _):
            return f"an annotation of Pod {pod}"


def plan(
    desired: Sequence[Manifest],
    observed: Observed,
    registry_revision: str,
    held: Collection[str] = (),
) -> list[Step]:
    """The writes that lead from the live children to the desired ones, in order.

    Nothing to do gives an empty list. A child that is being deleted is left alone: its end is an
    event that comes back here; so are those of the kinds in `held`. One scaler goes before another
    comes: two would pull the Deployment to and fro.
    """
    live = {identify(child): child for child in observed.children if not is_foreign(child)}
    wanted = {identify(child) for child in desired}
    former = [c for key, c in live.items() if key not in wanted and c["kind"] in SCALERS]
    steps: list[Step] = [_delete(child) for child in former if not _is_leaving(child)]
    must_wait = bool(former) or _has_kedas_autoscaler(desired, observed)
    for child in desired:
        if child["kind"] in held or (must_wait and child["kind"] in SCALERS):
            continue
        steps += _plan_child(child, live.get(identify(child)))
    if desired:
        steps += [
            Touch(pod.name, registry_revision)
            for pod in observed.running_pods
            if pod.registry_revision != registry_revision
        ]
    order = {kind.name: index for index, kind in enumerate(CHILDREN_WITH_KEDA)}
    surplus = [c for key, c in live.items() if key not in wanted and c["kind"] not in SCALERS]
    for child in sorted(surplus, key=lambda child: order[child["kind"]], reverse=True):
        if not _is_leaving(child):
            steps.append(_delete(child))
    return steps


def _has_kedas_autoscaler(desired: Sequence[Manifest], observed: Observed) -> bool:
    """Whether KEDA's autoscaler outlives the ScaledObject that it was made for."""
    if any(child["kind"] == SCALED_OBJECT.name for child in desired):
        return False
    return any(c["kind"] == AUTOSCALER.name and is_foreign(c) for c in observed.children)


def _delete(child: Manifest) -> Delete:
    meta = child["metadata"]
    return Delete(child["kind"], meta["name"], meta.get("uid", ""))


def _is_leaving(child: Manifest) -> bool:
    return bool(child["metadata"].get("deletionTimestamp"))


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
