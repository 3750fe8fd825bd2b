"""The kinds of objects that the operator reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphwarden.api import names

# One object as the API server speaks of it.
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind and its place under the API server's URLs."""

    name: str
    plural: str
    group: str
    version: str

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


GRAPHSPEC: Final = Kind("GraphSpec", names.GRAPHSPECS, names.GROUP, names.VERSION)
GRAPHPOOL: Final = Kind("GraphPool", names.GRAPHPOOLS, names.GROUP, names.VERSION)
SERVICE_ACCOUNT: Final = Kind("ServiceAccount", "serviceaccounts", "", "v1")
CONFIG_MAP: Final = Kind("ConfigMap", "configmaps", "", "v1")
SERVICE: Final = Kind("Service", "services", "", "v1")
DEPLOYMENT: Final = Kind("Deployment", "deployments", "apps", "v1")
AUTOSCALER: Final = Kind("HorizontalPodAutoscaler", "horizontalpodautoscalers", "autoscaling", "v2")
DISRUPTION_BUDGET: Final = Kind("PodDisruptionBudget", "poddisruptionbudgets", "policy", "v1")
NETWORK_POLICY: Final = Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io", "v1")
JOB: Final = Kind("Job", "jobs", "batch", "v1")
# Of KEDA (keda.sh); there only where somebody has installed it.
SCALED_OBJECT: Final = Kind("ScaledObject", "scaledobjects", "keda.sh", "v1alpha1")
POD: Final = Kind("Pod", "pods", "", "v1")
ACCESS_REVIEW: Final = Kind(
    "SubjectAccessReview", "subjectaccessreviews", "authorization.k8s.io", "v1"
)
DEFINITION: Final = Kind(
    "CustomResourceDefinition", "customresourcedefinitions", "apiextensions.k8s.io", "v1"
)
EVENT: Final = Kind("Event", "events", "events.k8s.io", "v1")

# What a pool consists of, in the order in which it is written: what a pod needs comes before it.
CHILDREN: Final = (
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    NETWORK_POLICY,
    SERVICE,
    JOB,
    DEPLOYMENT,
    AUTOSCALER,
    DISRUPTION_BUDGET,
)
CHILDREN_WITH_KEDA: Final = (*CHILDREN, SCALED_OBJECT)
SCALERS: Final = frozenset({AUTOSCALER.name, SCALED_OBJECT.name})

BY_NAME: Final[Mapping[str, Kind]] = {
    kind.name: kind for kind in (GRAPHSPEC, GRAPHPOOL, *CHILDREN_WITH_KEDA, POD, EVENT)
}


def identify(body: Manifest) -> tuple[str, str]:
    """Kind and name of an object: what tells the children of one pool apart."""
    return str(body["kind"]), str(body["metadata"]["name"])
