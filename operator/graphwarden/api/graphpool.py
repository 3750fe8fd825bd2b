"""GraphPool: how the platform team runs one capability. Every field is optional."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from graphwarden.api.meta import Condition, Model, ObjectMeta
from graphwarden.api.pod_template import check_pod_template
from graphwarden.api.quantities import (
    ByteCount,
    Duration,
    check_int_or_share,
    check_resources,
    parse_bytes,
    parse_duration,
)


class ScalingMode(StrEnum):
    """Who sets the number of replicas."""

    HPA = "HPA"
    KEDA = "KEDA"
    NONE = "None"


class Isolation(StrEnum):
    """Whether the pool gets a NetworkPolicy."""

    RESTRICTED = "Restricted"
    NONE = "None"


class ScaleIn(StrEnum):
    """Which pods a scale-in takes."""

    ANY = "Any"
    IDLE_FIRST = "IdleFirst"


class ImagePullPolicy(StrEnum):
    """When the kubelet pulls an image."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class Section(Model):
    """A group of settings, each optional; null is a group without any.

    Server-side apply writes null where somebody takes back the last setting of a group.
    """

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        groups = {
            name
            for key, field in cls.model_fields.items()
            if isinstance(field.annotation, type) and issubclass(field.annotation, Model)
            for name in (key, field.alias)
        }
        return {k: v for k, v in value.items() if v is not None or k not in groups}


class WorkerSpec(Section):
    """The pods of the pool; what is not named here goes into podTemplate."""

    image: str = Field("", max_length=512, description="Image with the worker and the graphs.")
    image_pull_policy: ImagePullPolicy = ImagePullPolicy.IF_NOT_PRESENT
    preflight: bool = Field(
        True, description="A new image rolls out only after a Job with it has loaded every graph."
    )
    resources: Annotated[dict[str, Any], AfterValidator(check_resources)] = Field(
        default_factory=lambda: {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"memory": "1Gi"},
        },
        description="Resource requests and limits of the worker container.",
    )
    env_from: list[dict[str, Any]] = Field(
        default_factory=list, max_length=64, description="Secrets and ConfigMaps of this pool only."
    )
    env: list[dict[str, Any]] = Field(default_factory=list, max_length=256)
    service_account_name: str = Field(
        "", max_length=253, description="Empty: one is made for the pool, without a token."
    )
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: list[dict[str, Any]] = Field(default_factory=list, max_length=64)
    topology_spread_constraints: list[dict[str, Any]] = Field(default_factory=list, max_length=16)
    priority_class_name: str = Field("", max_length=253)
    pod_template: Annotated[dict[str, Any], AfterValidator(check_pod_template)] = Field(
        default_factory=dict, description="Merged over the pod template that the operator makes."
    )


class SecretKeyReference(Model):
    """One key of a Secret in the pool's namespace."""

    name: str = Field(min_length=1, max_length=253)
    key: str = Field("dsn", min_length=1, max_length=253)


class StorageSpec(Section):
    """Where threads and checkpoints of resumable graphs live."""

    secret_ref: SecretKeyReference | None = Field(
        None, description="Secret with a PostgreSQL DSN; needed when a graph is resumable."
    )


class ScalingSpec(Section):
    """How many replicas, and who decides."""

    mode: ScalingMode = ScalingMode.HPA
    min_replicas: int = Field(1, ge=0, le=1000)
    max_replicas: int = Field(10, ge=1, le=1000)
    target_in_flight_percent: int = Field(70, ge=1, le=100)
    target_cpu_percent: int = Field(80, ge=1, le=1000, alias="targetCPUPercent")
    behavior: dict[str, Any] = Field(
        default_factory=dict, description="autoscaling/v2 behavior, passed through."
    )
    scale_in: ScaleIn = Field(
        ScaleIn.ANY,
        description="IdleFirst: pods with runs in flight get a higher pod-deletion-cost.",
    )


class BreakerSpec(Section):
    """When the router stops trying a pod."""

    consecutive_failures: int = Field(5, ge=1, le=1000)
    open_for: Duration = "15s"

    @property
    def open_for_seconds(self) -> float:
        """The time as a number."""
        return parse_duration(self.open_for)


class AdmissionSpec(Section):
    """What the router holds for the pool before it refuses."""

    max_queued: int = Field(200, ge=0, le=100_000)
    max_queued_bytes: ByteCount = "64Mi"
    max_wait: Duration = "30s"
    cold_start_wait: Duration = "120s"
    breaker: BreakerSpec = Field(default_factory=lambda: BreakerSpec())

    @property
    def max_queued_byte_count(self) -> int:
        """The byte limit as a number."""
        return parse_bytes(self.max_queued_bytes)

    @property
    def max_wait_seconds(self) -> float:
        """The longest wait in the queue, in seconds."""
        return parse_duration(self.max_wait)

    @property
    def cold_start_wait_seconds(self) -> float:
        """The longest wait for a first pod, in seconds."""
        return parse_duration(self.cold_start_wait)


class DrainSpec(Section):
    """How long runs may go on in a pod that must leave."""

    max_grace_period: Duration = "30m"

    @property
    def max_grace_period_seconds(self) -> float:
        """The cap of the pods' grace period, in seconds."""
        return parse_duration(self.max_grace_period)


class DisruptionSpec(Section):
    """How many pods a voluntary disruption may take at once."""

    max_unavailable: Annotated[int | str, AfterValidator(check_int_or_share)] = 1


class NetworkSpec(Section):
    """Who may talk to the pool, and to whom it may talk."""

    isolation: Isolation = Isolation.RESTRICTED
    egress: list[dict[str, Any]] = Field(
        default_factory=list,
        max_length=64,
        description="Rules of networking.k8s.io/v1, beside DNS and PostgreSQL's port.",
    )
    ingress: list[dict[str, Any]] = Field(
        default_factory=list,
        max_length=64,
        description="Rules of networking.k8s.io/v1, beside router and operator.",
    )


class GraphPoolSpec(Section):
    """The settings of one pool. What is left out comes from the chart, then from these defaults."""

    worker: WorkerSpec = Field(default_factory=lambda: WorkerSpec())
    concurrency_per_replica: int = Field(10, ge=1, le=10_000)
    replicas: int | None = Field(
        None, ge=0, le=1000, description="Only with scaling.mode None; the /scale subresource."
    )
    storage: StorageSpec = Field(default_factory=lambda: StorageSpec())
    scaling: ScalingSpec = Field(default_factory=lambda: ScalingSpec())
    admission: AdmissionSpec = Field(default_factory=lambda: AdmissionSpec())
    drain: DrainSpec = Field(default_factory=lambda: DrainSpec())
    disruption: DisruptionSpec = Field(default_factory=lambda: DisruptionSpec())
    network: NetworkSpec = Field(default_factory=lambda: NetworkSpec())
    paused: bool = Field(False, description="The operator stops writing this pool's children.")


SPEC_RULES = [
    {
        "rule": "!has(self.scaling) || !has(self.scaling.minReplicas)"
        " || !has(self.scaling.maxReplicas)"
        " || self.scaling.minReplicas <= self.scaling.maxReplicas",
        "message": "scaling.minReplicas must not be above scaling.maxReplicas",
    },
    {
        "rule": "!has(self.replicas) || (has(self.scaling) && has(self.scaling.mode)"
        " && self.scaling.mode == 'None')",
        "message": "replicas is set by the autoscaler; set scaling.mode: None to set it yourself",
    },
]

# A pool is named after its capability, and capabilities are DNS labels of at most 40 characters.
NAME_RULES = [
    {
        "rule": "self.metadata.name.size() <= 40"
        " && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "message": "a GraphPool is named after its capability: a DNS label, at most 40 characters",
    }
]


class GraphCounts(Model):
    """Graphs of the pool, by how far they came."""

    accepted: int = 0
    loaded: int = 0


class GraphPoolStatus(Model):
    """What the operator found out."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    selector: str = Field("", description="Label selector of the pods, for /scale.")
    graphs: GraphCounts = Field(default_factory=lambda: GraphCounts())
    grace_period: str = Field("", description="Longest run of a non-resumable graph, capped.")
    conditions: list[Condition] = Field(default_factory=list)


class GraphPool(Section):
    """One pool of workers (`graphwarden.dev/v1alpha1`, namespaced); its name is the capability."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: GraphPoolSpec = Field(default_factory=lambda: GraphPoolSpec())
    status: GraphPoolStatus = Field(default_factory=lambda: GraphPoolStatus())

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name, which is the capability."""
        return (self.metadata.namespace, self.metadata.name)
