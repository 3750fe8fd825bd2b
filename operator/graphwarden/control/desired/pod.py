"""The pod template of a pool: one worker under the restricted Pod Security standard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.control.desired.account import choose_service_account_name
from graphwarden.control.desired.overlay import merge_items, merge_overlay

_USER_ID: Final = 65532
# The worker stops by itself this long before the kubelet would kill it.
_DRAIN_MARGIN_SECONDS: Final = 10
# EndpointSlices take a moment to reach the routers; of a short time to end only a part is theirs.
_UNREADY_SECONDS: Final = 2
_UNREADY_SHARE: Final = 0.25
_REGISTRY_VOLUME: Final = "registry"
_SCRATCH_VOLUME: Final = "tmp"


def make_pod_template(pool: Pool) -> dict[str, Any]:
    """The template, with the pool's `podTemplate` laid over it; the selector labels stay ours."""
    ours = {
        "metadata": {"labels": names.make_labels(pool.capability)},
        "spec": make_pod_spec(pool),
    }
    template = merge_overlay(ours, pool.spec.worker.pod_template)
    template["metadata"]["labels"] |= names.make_labels(pool.capability)
    return template


def make_pod_spec(pool: Pool) -> dict[str, Any]:
    """The pod without its overlay. The grace period is the cap, so that no graph changes it:
    a worker leaves as soon as its last run has ended."""
    worker = pool.spec.worker
    optional = {
        "nodeSelector": worker.node_selector,
        "tolerations": worker.tolerations,
        "topologySpreadConstraints": worker.topology_spread_constraints,
        "priorityClassName": worker.priority_class_name,
    }
    return {
        "serviceAccountName": choose_service_account_name(pool),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # With a first process that is not ours, a SIGTERM ends a worker that has no handler yet:
        # alone in its namespace the worker would never see it, and stay for its whole grace period.
        "shareProcessNamespace": True,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER_ID,
            "runAsGroup": _USER_ID,
            "fsGroup": _USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": _grace_seconds(pool),
        "containers": [make_container(pool)],
        "volumes": [
            {
                "name": _REGISTRY_VOLUME,
                "configMap": {"name": names.make_registry_name(pool.capability)},
            },
            {"name": _SCRATCH_VOLUME, "emptyDir": {}},
        ],
        **{field: value for field, value in optional.items() if value},
    }


def make_container(pool: Pool) -> dict[str, Any]:
    """The worker container."""
    worker = pool.spec.worker
    container: dict[str, Any] = {
        "name": names.WORKER_CONTAINER,
        "image": worker.image,
        "imagePullPolicy": worker.image_pull_policy.value,
        "command": ["python", "-m", "graphwarden.worker"],
        "ports": [
            {
                "name": names.WORKER_PORT_NAME,
                "containerPort": names.WORKER_PORT,
                "protocol": "TCP",
            }
        ],
        "env": make_environment(pool),
        "resources": worker.resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        # Importing graphs may take a minute on a busy node; liveness counts only after that.
        "startupProbe": _make_probe("/live", period=1, failures=120, timeout=2),
        "livenessProbe": _make_probe("/live", period=10, failures=6, timeout=5),
        "readinessProbe": _make_probe("/ready", period=2, failures=2, timeout=2),
        "volumeMounts": [
            {"name": _REGISTRY_VOLUME, "mountPath": names.REGISTRY_DIRECTORY, "readOnly": True},
            {"name": _SCRATCH_VOLUME, "mountPath": "/tmp"},  # noqa: S108 - a path in the pod
        ],
    }
    if worker.env_from:
        container["envFrom"] = worker.env_from
    return container


def make_environment(pool: Pool) -> list[dict[str, Any]]:
    """What the worker is told, and what the pool adds or says otherwise."""
    grace = _grace_seconds(pool)
    values = {
        "GRAPHWARDEN_REGISTRY": f"{names.REGISTRY_DIRECTORY}/{names.REGISTRY_KEY}",
        "GRAPHWARDEN_HOST": "0.0.0.0",  # noqa: S104 - the pod's own network namespace
        "GRAPHWARDEN_PORT": str(names.WORKER_PORT),
        "GRAPHWARDEN_CAPABILITY": pool.capability,
        "GRAPHWARDEN_CONCURRENCY": str(pool.spec.concurrency_per_replica),
        "GRAPHWARDEN_DRAIN_SECONDS": str(max(1, grace - _DRAIN_MARGIN_SECONDS)),
        "GRAPHWARDEN_UNREADY_SECONDS": f"{min(_UNREADY_SECONDS, grace * _UNREADY_SHARE):g}",
        "GRAPHWARDEN_LOG_FORMAT": "json",
    }
    env: list[dict[str, Any]] = [{"name": key, "value": value} for key, value in values.items()]
    secret = pool.spec.storage.secret_ref
    if secret is not None:
        source = {"secretKeyRef": {"name": secret.name, "key": secret.key}}
        env.append({"name": "GRAPHWARDEN_DATABASE_URL", "valueFrom": source})
    return merge_items("env", env, pool.spec.worker.env)


def find_image(template: Mapping[str, Any]) -> str:
    """The image of a template's worker container; empty when it has none."""
    containers = template["spec"]["containers"]
    found = (c.get("image", "") for c in containers if c["name"] == names.WORKER_CONTAINER)
    return str(next(found, ""))


def _grace_seconds(pool: Pool) -> int:
    return max(1, math.ceil(pool.spec.drain.max_grace_period_seconds))


def _make_probe(path: str, *, period: int, failures: int, timeout: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": names.WORKER_PORT_NAME, "scheme": "HTTP"},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": timeout,
    }
