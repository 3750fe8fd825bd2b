"""What to do about a reason that a condition or a pod gives. Pure."""

from __future__ import annotations

from typing import Final

from graphwarden.api import names
from graphwarden.api.conditions import Accepted, Loaded, Ready

NOT_SEEN: Final = "NotSeen"

_REMEDIES: Final = {
    Accepted.ASSISTANT_ID_CONFLICT: "choose another assistantID, or delete the GraphSpec that "
    "has it and this one takes over",
    Accepted.MODULE_NOT_ALLOWED: "use a module below an allowed prefix, or have the prefix added "
    "to `allowedModules` of the chart",
    Accepted.SUSPENDED: "set `suspend: false`, or `kubectl graphs drain {pool} --undo` where the "
    "pool was drained",
    Accepted.INVALID_POOL: "mend the GraphPool {pool}: kubectl edit graphpool {pool}",
    Accepted.INVALID_SPEC: "mend the field that is named: kubectl edit {kind} {name}",
    Accepted.CONTEXT_MISSING: "create the ConfigMap, or write `optional: true` beside its name",
    Loaded.PENDING: "wait; if it stays so, look at the pods: kubectl get pods -l "
    "graphwarden.dev/pool={pool}",
    Loaded.IMPORT_ERROR: "build an image in which the module can be imported, and set it in the "
    "GraphPool; the log has the traceback: kubectl logs deployment/{deployment}",
    Loaded.ATTRIBUTE_MISSING: "correct builderAttr or compiledAttr: kubectl edit graphspec {name}",
    Loaded.BUILDER_FAILED: "mend the builder; the log has the traceback: kubectl logs "
    "deployment/{deployment}",
    Loaded.NOT_A_GRAPH: "have the attribute give a compiled graph or a StateGraph, or name another",
    Loaded.STORAGE_MISSING: "name a database in the GraphPool's `storage.secretRef`, or write "
    "`resumable: false`",
    Loaded.PARTIALLY_LOADED: "compare the pods' logs: kubectl logs -l graphwarden.dev/pool={pool} "
    "--prefix; then kubectl graphs restart {pool}",
    Ready.POOL_UNAVAILABLE: "look at the pods: kubectl get pods -l graphwarden.dev/pool={pool}; "
    "kubectl describe deployment {deployment}",
    Ready.SCALED_TO_ZERO: "give it replicas: kubectl scale graphpool {pool} --replicas=1",
    "NoGraphs": "apply a GraphSpec with `capability: {pool}`, or delete the GraphPool",
    "Paused": "write `paused: false` in the GraphPool {pool}",
    "GraphsNotLoaded": "see the GraphSpecs that are named",
    "RolloutStuck": "look at the new pods: kubectl describe pods -l graphwarden.dev/pool={pool}; "
    "kubectl rollout undo does not last, mend the GraphPool instead",
    "PreflightFailed": "mend the image or suspend the graphs that are named; the trial's log: "
    "kubectl logs -l graphwarden.dev/pool={pool},app.kubernetes.io/name={trial} --tail=-1",
    "ApplyRefused": "mend what the cluster refuses: a right of the operator, a quota, an admission "
    "rule, or a field of the GraphPool {pool}",
    "KEDANotEnabled": "install the chart with keda.enabled=true, or choose scaling.mode HPA",
    "FailedGetResourceMetric": "see that metrics-server runs: kubectl top pods",
    "FailedGetExternalMetric": "see that externalMetrics.enabled is set in the chart: kubectl get "
    "apiservice v1beta1.external.metrics.k8s.io",
    NOT_SEEN: "see that the operator runs and looks at this namespace: kubectl get pods -A -l "
    "app.kubernetes.io/name=graphwarden-operator",
    "ImagePullBackOff": "see that the image exists and that the pool may pull it "
    "(`worker.image`, imagePullSecrets)",
    "CrashLoopBackOff": "read why it ends: kubectl logs -l graphwarden.dev/pool={pool} --previous",
    "OOMKilled": "give the pool more memory (`worker.resources`), or fewer runs at a time "
    "(`concurrencyPerReplica`)",
    "Unschedulable": "free or add nodes, or ask for less in `worker.resources`",
    "CreateContainerConfigError": "create the Secret or ConfigMap that `worker.env` or "
    "`worker.envFrom` names",
}
_SAME = {
    "ErrImagePull": "ImagePullBackOff",
    "InvalidImageName": "ImagePullBackOff",
    "ErrImageNeverPull": "ImagePullBackOff",
}


def find_remedy(reason: str, *, kind: str, name: str, pool: str, deployment: str) -> str:
    """What to do, as commands and fields; where the reason is unknown, where to look on."""
    text = _REMEDIES.get(_SAME.get(reason, reason))
    if text is None:
        text = "see the whole of it: kubectl describe {kind} {name}"
    return text.format(
        kind=kind.lower(), name=name, pool=pool, deployment=deployment, trial=names.PREFLIGHT_APP
    )
