"""The route table document: what the router needs to know of the fleet."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from graphwarden.api.graphpool import GraphPoolSpec
from graphwarden.api.graphspec import GraphSpec


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PoolRoute(_Document):
    """One pool: where its workers answer (`host:port`), and what may wait for them."""

    namespace: str = "default"
    endpoints: list[str] = Field(default_factory=list)
    concurrency_per_replica: int = Field(10, ge=1)
    max_queued: int = Field(200, ge=0)
    max_queued_bytes: int = Field(64 * 2**20, ge=0)
    max_wait_seconds: float = Field(30, ge=0)
    cold_start_wait_seconds: float = Field(120, ge=0)
    breaker_failures: int = Field(5, ge=1)
    breaker_open_seconds: float = Field(15, ge=0)
    has_storage: bool = False


class AssistantRoute(_Document):
    """One graph: its pool, and whether a call may be sent there now."""

    pool: str
    generation: int = 1
    resumable: bool = False
    suspended: bool = False
    timeout_seconds: float = Field(900, gt=0)
    priority: int = 0
    retry: Literal["Never", "BeforeStart", "Resume"] = "BeforeStart"
    context: dict[str, Any] = Field(default_factory=dict)
    page_methods: tuple[str, ...] | None = None
    ready: bool = True
    reason: str | None = None
    message: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class RouteTable(_Document):
    """Every pool and every graph; keys are pool names and assistant ids."""

    version: Literal[1] = 1
    generation: int = 0
    pools: dict[str, PoolRoute] = Field(default_factory=dict)
    assistants: dict[str, AssistantRoute] = Field(default_factory=dict)


def make_pool_route(
    namespace: str, spec: GraphPoolSpec, endpoints: list[str], *, has_storage: bool
) -> PoolRoute:
    """The route of a pool with these settings and these ready workers."""
    admission = spec.admission
    return PoolRoute(
        namespace=namespace,
        endpoints=endpoints,
        concurrency_per_replica=spec.concurrency_per_replica,
        max_queued=admission.max_queued,
        max_queued_bytes=admission.max_queued_byte_count,
        max_wait_seconds=admission.max_wait_seconds,
        cold_start_wait_seconds=admission.cold_start_wait_seconds,
        breaker_failures=admission.breaker.consecutive_failures,
        breaker_open_seconds=admission.breaker.open_for_seconds,
        has_storage=has_storage,
    )


def make_assistant_route(
    graph: GraphSpec, pool: str, *, ready: bool, reason: str | None, message: str | None
) -> AssistantRoute:
    """The route of a graph to the pool of that name."""
    spec = graph.spec
    return AssistantRoute(
        pool=pool,
        generation=graph.metadata.generation,
        resumable=spec.resumable,
        suspended=spec.suspend,
        timeout_seconds=spec.run.timeout_seconds,
        priority=spec.run.priority,
        retry=spec.run.retry.value,
        context=dict(spec.context),
        page_methods=tuple(each.value for each in spec.page.methods) if spec.page else None,
        ready=ready,
        reason=reason,
        message=message,
    )
