"""From specs to pools: who owns an assistant id, which graph is in which pool, with which row.

Pure, and the same for operator, router and embedded mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from graphwarden.api.conditions import Accepted
from graphwarden.api.graphpool import GraphPool, GraphPoolSpec, ScalingMode
from graphwarden.api.graphspec import GraphSpec
from graphwarden.api.registry import Registry, Row, RowRun

ObjectKey = tuple[str, str]
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Policy:
    """What the platform team allows. An empty tuple allows everything.

    `allowed_modules` are prefixes: `graphs.` allows `graphs.email_reply_graph`.
    `allowed_registries` are prefixes of images. `image_required` is false in embedded mode.
    """

    allowed_modules: tuple[str, ...] = ()
    allowed_registries: tuple[str, ...] = ()
    image_required: bool = True
    # Whether autoscalers can be told of the runs in flight, so that pools may sleep without a pod.
    counts_runs: bool = False
    # Where KEDA may ask for the runs in flight; empty where it may not make autoscalers.
    keda_url: str = ""
    # The namespace of router and operator; empty is that of the pools.
    router_namespace: str = ""
    # Variables of every worker, such as where its spans go. A pool's own come before them.
    worker_env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether a GraphSpec is part of the fleet, and if not, why, as a sentence."""

    accepted: bool
    reason: str
    message: str


@dataclass(frozen=True)
class Pool:
    """One pool with its accepted graphs, sorted by assistant id, and its effective settings."""

    namespace: str
    capability: str
    spec: GraphPoolSpec
    graphs: tuple[GraphSpec, ...]
    registry: Registry
    graphpool: GraphPool | None = None
    counts_runs: bool = False
    keda_url: str = ""
    router_namespace: str = ""

    @property
    def may_sleep(self) -> bool:
        """Whether the pool has no pod while it has no call."""
        scaling = self.spec.scaling
        if scaling.min_replicas > 0 or scaling.mode is ScalingMode.NONE:
            return False
        return bool(self.keda_url) if scaling.mode is ScalingMode.KEDA else self.counts_runs


@dataclass(frozen=True)
class Fleet:
    """Pools by (namespace, capability); verdicts by (namespace, name) of the GraphSpec."""

    pools: Mapping[ObjectKey, Pool] = field(default_factory=dict)
    verdicts: Mapping[ObjectKey, Verdict] = field(default_factory=dict)


ACCEPTED = Verdict(True, Accepted.ACCEPTED, "The graph is part of its pool.")


def precedence(graph: GraphSpec) -> tuple[datetime, str, str]:
    """Sort key by which the oldest GraphSpec owns an assistant id, the same after any restart."""
    return (graph.metadata.creation_timestamp or _LAST, *graph.key)


def merge_settings(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Deep-merge two settings trees; lists and scalars of `over` replace those of `base`."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            merged[key] = merge_settings(old, value)
        else:
            merged[key] = value
    return merged


def make_pool_spec(defaults: GraphPoolSpec, pool: GraphPool | None) -> GraphPoolSpec:
    """The settings in force: what the GraphPool says, then the chart, then the built-in defaults.

    Raises:
        ValidationError: the two together make no valid GraphPoolSpec.
    """
    if pool is None:
        return defaults
    base = defaults.model_dump(by_alias=True, exclude_unset=True)
    own = pool.spec.model_dump(by_alias=True, exclude_unset=True)
    return GraphPoolSpec.model_validate(merge_settings(base, own))


def make_row(graph: GraphSpec, context: Mapping[str, Any]) -> Row:
    """The registry row of a graph."""
    spec = graph.spec
    return Row(
        assistant_id=spec.assistant_id,
        module=spec.module,
        compiled_attr=spec.compiled_attr,
        builder_attr=None if spec.precompiled else spec.builder_attr,
        resumable=spec.resumable,
        generation=graph.metadata.generation,
        context=dict(context),
        run=RowRun(
            timeout_seconds=spec.run.timeout_seconds,
            recursion_limit=spec.run.recursion_limit,
            max_concurrency=spec.run.max_concurrency_per_replica,
            priority=spec.run.priority,
            retry=spec.run.retry.value,
        ),
        page_methods=tuple(each.value for each in spec.page.methods) if spec.page else None,
    )


def make_fleet(
    graphs: Iterable[GraphSpec],
    graphpools: Iterable[GraphPool] = (),
    config_maps: Mapping[ObjectKey, Mapping[str, str]] | None = None,
    *,
    policy: Policy | None = None,
    defaults: GraphPoolSpec | None = None,
) -> Fleet:
    """Settle conflicts and put every accepted graph into its pool.

    Args:
        graphs: every GraphSpec of the fleet, in any order.
        graphpools: every GraphPool.
        config_maps: data of the ConfigMaps that `contextFrom` names, by (namespace, name).
        policy: the platform team's allow-lists.
        defaults: settings of pools whose GraphPool does not say otherwise.
    """
    policy = policy or Policy()
    by_key = {pool.key: pool for pool in graphpools}
    settings = _Settings(defaults or GraphPoolSpec(), by_key, policy)
    verdicts: dict[ObjectKey, Verdict] = {}
    members: dict[ObjectKey, list[tuple[GraphSpec, Row]]] = {}
    owners: dict[str, GraphSpec] = {}
    for graph in sorted(graphs, key=precedence):
        winner = owners.setdefault(graph.spec.assistant_id, graph)
        verdict, row = _judge(graph, winner, settings, config_maps or {}, policy)
        verdicts[graph.key] = verdict
        if row is not None:
            key = (graph.metadata.namespace, graph.spec.capability)
            members.setdefault(key, []).append((graph, row))
    pools = {key: _make_pool(key, rows, settings) for key, rows in sorted(members.items())}
    return Fleet(pools, verdicts)


class _Settings:
    """The settings in force per pool, or the sentence that says why there are none."""

    def __init__(
        self, defaults: GraphPoolSpec, pools: Mapping[ObjectKey, GraphPool], policy: Policy
    ) -> None:
        self._defaults = defaults
        self.policy = policy
        self._found: dict[ObjectKey, GraphPoolSpec | str] = {}
        self.pools = pools

    def find(self, key: ObjectKey) -> GraphPoolSpec | str:
        if key not in self._found:
            self._found[key] = self._resolve(key)
        return self._found[key]

    def _resolve(self, key: ObjectKey) -> GraphPoolSpec | str:
        try:
            spec = make_pool_spec(self._defaults, self.pools.get(key))
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(part) for part in first["loc"])
            return f"GraphPool {key[1]} is not valid: {path}: {first['msg']}."
        return _check_image(key[1], spec, self.policy) or _add_env(spec, self.policy.worker_env)


def _add_env(spec: GraphPoolSpec, variables: tuple[tuple[str, str], ...]) -> GraphPoolSpec:
    """The settings with these variables in front, but for those that the pool names itself."""
    own = {item.get("name") for item in spec.worker.env}
    more = [{"name": name, "value": value} for name, value in variables if name not in own]
    if not more:
        return spec
    worker = spec.worker.model_copy(update={"env": [*more, *spec.worker.env]})
    return spec.model_copy(update={"worker": worker})


def _check_image(capability: str, spec: GraphPoolSpec, policy: Policy) -> str | None:
    image = spec.worker.image
    if not policy.image_required:
        return None
    if not image:
        return (
            f"Pool {capability} has no image: set worker.image in GraphPool {capability}, "
            "or the chart's default worker image."
        )
    if not policy.allowed_registries:
        return None
    for used in (image, *_find_overlay_images(spec.worker.pod_template)):
        if not used.startswith(policy.allowed_registries):
            allowed = ", ".join(policy.allowed_registries)
            return f"Image {used} of pool {capability} is not from an allowed registry ({allowed})."
    return None


def _find_overlay_images(template: Mapping[str, Any]) -> Iterator[str]:
    """The images that a pod template of free form names."""
    spec = template.get("spec")
    for field_name in ("containers", "initContainers", "volumes"):
        items = spec.get(field_name) if isinstance(spec, Mapping) else None
        for item in items if isinstance(items, list) else ():
            image = item.get("image") if isinstance(item, Mapping) else None
            # That of a volume has a field of its own for it.
            yield from [str(image.get("reference", ""))] if isinstance(image, Mapping) else []
            yield from [image] if isinstance(image, str) else []


def _judge(
    graph: GraphSpec,
    winner: GraphSpec,
    settings: _Settings,
    config_maps: Mapping[ObjectKey, Mapping[str, str]],
    policy: Policy,
) -> tuple[Verdict, Row | None]:
    spec = graph.spec
    if winner is not graph:
        message = (
            f"assistantID {spec.assistant_id} belongs to GraphSpec {'/'.join(winner.key)}, which "
            "is older. Choose another assistantID, or delete that one and this one takes over."
        )
        return Verdict(False, Accepted.ASSISTANT_ID_CONFLICT, message), None
    if not _is_module_allowed(spec.module, policy.allowed_modules):
        allowed = ", ".join(policy.allowed_modules)
        message = f"Module {spec.module} is not under an allowed prefix ({allowed})."
        return Verdict(False, Accepted.MODULE_NOT_ALLOWED, message), None
    pool = settings.find((graph.metadata.namespace, spec.capability))
    if isinstance(pool, str):
        return Verdict(False, Accepted.INVALID_POOL, pool), None
    if spec.suspend:
        message = "The graph is suspended: set suspend: false to admit runs again."
        return Verdict(False, Accepted.SUSPENDED, message), None
    context = _make_context(graph, config_maps)
    if isinstance(context, str):
        return Verdict(False, Accepted.CONTEXT_MISSING, context), None
    return ACCEPTED, make_row(graph, context)


def _is_module_allowed(module: str, prefixes: Sequence[str]) -> bool:
    return not prefixes or f"{module}.".startswith(tuple(f"{p.rstrip('.')}." for p in prefixes))


def _make_context(
    graph: GraphSpec, config_maps: Mapping[ObjectKey, Mapping[str, str]]
) -> dict[str, Any] | str:
    context: dict[str, Any] = {}
    for source in graph.spec.context_from:
        reference = source.config_map_ref
        data = config_maps.get((graph.metadata.namespace, reference.name))
        if data is not None:
            context.update(data)
        elif not reference.optional:
            return f"ConfigMap {reference.name}, named in contextFrom, does not exist: create it."
    return {**context, **graph.spec.context}


def _make_pool(key: ObjectKey, rows: list[tuple[GraphSpec, Row]], settings: _Settings) -> Pool:
    spec = settings.find(key)
    assert isinstance(spec, GraphPoolSpec), "only graphs with a valid pool are members"
    rows = sorted(rows, key=lambda pair: pair[1].assistant_id)
    return Pool(
        namespace=key[0],
        capability=key[1],
        spec=spec,
        graphs=tuple(graph for graph, _ in rows),
        registry=Registry(capability=key[1], graphs=[row for _, row in rows]),
        graphpool=settings.pools.get(key),
        counts_runs=settings.policy.counts_runs,
        keda_url=settings.policy.keda_url,
        router_namespace=settings.policy.router_namespace,
    )
