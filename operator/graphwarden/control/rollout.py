"""Whether a pool's new image may roll out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphwarden.api import names
from graphwarden.api.conditions import PROGRESSING
from graphwarden.api.fleet import Pool
from graphwarden.api.preflight import parse_report
from graphwarden.control.desired.pod import find_image
from graphwarden.control.desired.preflight import make_preflight
from graphwarden.control.findings import Finding
from graphwarden.control.kinds import DEPLOYMENT, Manifest, identify
from graphwarden.control.observed import Observed, find_raw_condition

PREFLIGHT: Final = "Preflight"
PREFLIGHT_FAILED: Final = "PreflightFailed"


@dataclass(frozen=True)
class Rollout:
    """The children to bring about now; kinds in `held` stay as they are, whatever they should be.

    `finding` is the condition `Progressing` while an image is on trial or has failed.
    """

    children: Sequence[Manifest]
    held: frozenset[str] = frozenset()
    finding: Finding | None = None


def plan_rollout(pool: Pool, children: Sequence[Manifest], observed: Observed) -> Rollout:
    """Put a Job with the new image before the Deployment that would roll it out.

    There is nothing to protect before the first Deployment, and none while its pods are all down.
    """
    wanted = next(child for child in children if child["kind"] == DEPLOYMENT.name)
    live = observed.deployment
    if not pool.spec.worker.preflight or live is None or not _protects(live):
        return Rollout(children)
    image = find_image(wanted["spec"]["template"])
    if image == _find_proven_image(live):
        return Rollout(children)
    job = make_preflight(pool)
    seen = next((c for c in observed.children if identify(c) == identify(job)), None)
    if find_raw_condition(seen, "Complete").get("status") == "True":
        return Rollout(children)
    held = Rollout([*children, job], frozenset({DEPLOYMENT.name}))
    failed = find_raw_condition(seen, "Failed")
    if failed.get("status") != "True":
        message = f"A Job loads every graph with image {image} before it rolls out."
        return Rollout(held.children, held.held, Finding(PROGRESSING, "True", PREFLIGHT, message))
    blamed = find_blamed(pool, observed)
    if blamed == {}:
        return Rollout(children)
    message = _render_failure(image, blamed, failed)
    finding = Finding(PROGRESSING, "False", PREFLIGHT_FAILED, message)
    return Rollout(held.children, held.held, finding)


def find_blamed(pool: Pool, observed: Observed) -> dict[str, str] | None:
    """The graphs that the new image would take away: they load now, and did not with it.

    A graph that does not load with the old image either must not keep the new one from the others.
    None: the Job left no report.
    """
    report = parse_report(observed.preflight_report)
    if report is None or not report.not_loaded:
        return None
    return {
        name: text
        for name, text in report.not_loaded.items()
        if any(
            (row := table.find(name)) is not None and row.loaded
            for table in observed.tables.values()
        )
    }


def _protects(live: Manifest) -> bool:
    """Whether pods of the old image run, or are away on purpose."""
    wanted, status = live.get("spec", {}).get("replicas", 1), live.get("status", {})
    return bool(wanted == 0 or status.get("readyReplicas", 0) > 0)


def _find_proven_image(live: Manifest) -> str:
    """What we last let run; not what somebody else may have written into the template."""
    annotations = live["metadata"].get("annotations") or {}
    return str(annotations.get(names.ANNOTATION_IMAGE) or find_image(live["spec"]["template"]))


def _render_failure(image: str, blamed: dict[str, str] | None, failed: dict[str, Any]) -> str:
    rest = "The pods stay on the old image; mend the image or suspend the graph."
    if not blamed:
        why = failed.get("message") or "the Job gave no report"
        return f"Image {image} could not be tried: {why.rstrip('.')}. {rest}"
    graphs = "; ".join(f"{name}: {text.rstrip('.')}" for name, text in sorted(blamed.items()))
    return f"With image {image}, graphs do not load: {graphs}. {rest}"
