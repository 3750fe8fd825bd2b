"""The Deployment of a pool."""

from __future__ import annotations

from typing import Any

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.api.graphpool import GraphPoolSpec, ScalingMode
from graphwarden.control.desired.metadata import make_metadata
from graphwarden.control.desired.pod import find_image, make_pod_template
from graphwarden.control.kinds import Manifest


def make_deployment(pool: Pool) -> Manifest:
    """A Deployment that rolls without a gap. `replicas` is left out where a scaler sets it.

    Nothing here depends on which graphs the pool has: adding one restarts no pod.
    """
    spec: dict[str, Any] = {
        "selector": {"matchLabels": names.make_selector(pool.capability)},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        },
        "revisionHistoryLimit": 3,
        "template": make_pod_template(pool),
    }
    replicas = choose_replicas(pool.spec)
    if replicas is not None:
        spec["replicas"] = replicas
    metadata = make_metadata(pool, names.make_pool_name(pool.capability))
    # What was let run, which somebody who edits the template does not know of.
    metadata["annotations"] = {names.ANNOTATION_IMAGE: find_image(spec["template"])}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": spec,
    }


def choose_replicas(spec: GraphPoolSpec) -> int | None:
    """The number of pods that we set; None where an autoscaler does."""
    if spec.scaling.mode is not ScalingMode.NONE:
        return None
    return spec.scaling.min_replicas if spec.replicas is None else spec.replicas
