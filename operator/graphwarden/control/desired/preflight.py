"""The Job that loads every graph of a pool with a new image, before that image rolls out."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.api.preflight import NOT_LOADED
from graphwarden.control.desired.metadata import make_metadata
from graphwarden.control.desired.pod import make_pod_template
from graphwarden.control.kinds import Manifest

_DEADLINE_SECONDS: Final = 600
_TRIES: Final = 2
_GRACE_SECONDS: Final = 10
_NOT_FOR_JOBS: Final = ("ports", "startupProbe", "livenessProbe", "readinessProbe", "lifecycle")


def make_preflight(pool: Pool) -> Manifest:
    """The Job. Its name is one of what it tries, since a Job's template cannot change."""
    spec = {
        "backoffLimit": _TRIES,
        "activeDeadlineSeconds": _DEADLINE_SECONDS,
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {
                        "containerName": names.WORKER_CONTAINER,
                        "operator": "In",
                        "values": [NOT_LOADED],
                    },
                },
                {
                    "action": "Ignore",
                    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                },
            ]
        },
        "template": _make_template(pool),
    }
    tried = json.dumps([spec, pool.registry.to_json()], sort_keys=True)
    revision = hashlib.sha256(tried.encode()).hexdigest()[:12]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": make_metadata(pool, names.make_preflight_name(pool.capability, revision)),
        "spec": spec,
    }


def _make_template(pool: Pool) -> dict[str, Any]:
    """The pool's own pod with another command; containers beside it would never end."""
    template = make_pod_template(pool)
    template["metadata"]["labels"] |= names.make_preflight_labels(pool.capability)
    del template["metadata"]["labels"][names.LABEL_MANAGED_BY]
    spec = template["spec"]
    worker = next(c for c in spec["containers"] if c["name"] == names.WORKER_CONTAINER)
    kept = {field: value for field, value in worker.items() if field not in _NOT_FOR_JOBS}
    kept["command"] = ["python", "-m", "graphwarden.worker.check"]
    kept.pop("args", None)
    return {
        **template,
        "spec": {
            **spec,
            "containers": [kept],
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": _GRACE_SECONDS,
        },
    }
