"""All specs of the fleet as they were read at one moment, parsed and settled. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from pydantic import ValidationError

from graphwarden.api.conditions import Accepted
from graphwarden.api.fleet import Fleet, ObjectKey, Policy, Pool, Verdict, make_fleet
from graphwarden.api.graphpool import GraphPool, GraphPoolSpec
from graphwarden.api.graphspec import GraphSpec
from graphwarden.control.kinds import GRAPHSPEC, Manifest

# Kind, namespace, name, uid and resourceVersion: the same five are the same content.
Version = tuple[str, str, str, str, str]

# The value, or the sentence that says why it is none.
Parsed = GraphSpec | GraphPool | str
_MENDABLE: Final = frozenset({Accepted.INVALID_POOL, Accepted.CONTEXT_MISSING})


@dataclass(frozen=True)
class World:
    """The fleet, and the objects as read, by (namespace, name).

    `invalid_graphs` and `invalid_pools` hold sentences for objects that these models cannot read,
    for example because an older CRD let them in.
    """

    fleet: Fleet = field(default_factory=Fleet)
    graphs: Mapping[ObjectKey, Manifest] = field(default_factory=dict)
    graphpools: Mapping[ObjectKey, Manifest] = field(default_factory=dict)
    invalid_graphs: Mapping[ObjectKey, str] = field(default_factory=dict)
    invalid_pools: Mapping[ObjectKey, str] = field(default_factory=dict)
    parsed: Mapping[Version, Parsed] = field(default_factory=dict)

    def verdict(self, key: ObjectKey) -> Verdict:
        """What became of a GraphSpec."""
        if key in self.invalid_graphs:
            return Verdict(False, Accepted.INVALID_SPEC, self.invalid_graphs[key])
        return self.fleet.verdicts[key]

    def is_held(self, key: ObjectKey) -> bool:
        """Whether the children of a pool are to be left as they are.

        Asked for by `paused`; and when the GraphPool cannot be read, or when mistakes that may be
        mended in a moment (a wrong image, a ConfigMap that is being replaced) leave the pool
        without a graph: running pods are not taken away for them.
        """
        pool = self.fleet.pools.get(key)
        if key in self.invalid_pools or read_field(self.graphpools.get(key), "spec", "paused"):
            return True
        if pool is not None:
            return pool.spec.paused
        reasons = {self.verdict(graph).reason for graph, _ in self.graphs_of(key)}
        return bool(reasons & _MENDABLE)

    def graphs_of(self, pool: ObjectKey) -> Iterator[tuple[ObjectKey, Manifest]]:
        """Every GraphSpec that names the pool, accepted or not, sorted by name."""
        return iter(self._members.get(pool, ()))

    def pool_keys(self) -> set[ObjectKey]:
        """Every pool that some object speaks of."""
        return self._members.keys() | set(self.graphpools)

    @cached_property
    def _members(self) -> Mapping[ObjectKey, list[tuple[ObjectKey, Manifest]]]:
        found: dict[ObjectKey, list[tuple[ObjectKey, Manifest]]] = {}
        for key, body in sorted(self.graphs.items()):
            found.setdefault(find_pool_key(body), []).append((key, body))
        return found


def find_pool_key(graph: Manifest) -> ObjectKey:
    """Namespace and capability of a GraphSpec; the capability is empty when it has none."""
    capability = read_field(graph, "spec", "capability")
    return graph["metadata"]["namespace"], capability if isinstance(capability, str) else ""


def find_references(graphs: Iterable[Manifest]) -> set[ObjectKey]:
    """The ConfigMaps that GraphSpecs name in `contextFrom`, by (namespace, name).

    Read without the models: it is done for every GraphSpec at every reading of the fleet.
    """
    return {
        (body["metadata"]["namespace"], name)
        for body in graphs
        for source in _list(read_field(body, "spec", "contextFrom"))
        if isinstance(name := read_field(source, "configMapRef", "name"), str)
    }


def read_field(value: Any, *path: str) -> Any:
    """A field of an object that no model has checked; None where the path leads nowhere."""
    for field_name in path:
        value = value.get(field_name) if isinstance(value, Mapping) else None
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def parse_object(body: Manifest) -> Parsed:
    """The object as a value, or the sentence that says why it is none.

    The status is left out: it is ours, and must never keep us from reading the spec.
    """
    model: type[GraphSpec | GraphPool] = GraphSpec if body["kind"] == GRAPHSPEC.name else GraphPool
    try:
        return model.model_validate({k: v for k, v in body.items() if k != "status"})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        return f"{path}: {message}." if path else f"{message}."


def make_world(
    graphs: Iterable[Manifest],
    graphpools: Iterable[Manifest],
    config_maps: Mapping[ObjectKey, Mapping[str, str]],
    *,
    policy: Policy,
    defaults: GraphPoolSpec,
    previous: World | None = None,
) -> World:
    """Parse what was read and settle the fleet. Objects that are being deleted are gone already.

    What `previous` has of the same version is taken from there: passes that wait hold several
    worlds, and each would else have all bodies of its own.
    """
    previous = previous or World()
    known = previous.parsed
    raw_graphs = {_key(body): _keep(body, previous.graphs) for body in graphs if _stays(body)}
    raw_pools = {
        _key(body): _keep(body, previous.graphpools) for body in graphpools if _stays(body)
    }
    versions = {find_version(body): body for body in (*raw_graphs.values(), *raw_pools.values())}
    parsed = {
        version: known.get(version) or parse_object(body) for version, body in versions.items()
    }
    parsed_graphs = {key: parsed[find_version(body)] for key, body in raw_graphs.items()}
    parsed_pools = {key: parsed[find_version(body)] for key, body in raw_pools.items()}
    fleet = make_fleet(
        [graph for graph in parsed_graphs.values() if isinstance(graph, GraphSpec)],
        [pool for pool in parsed_pools.values() if isinstance(pool, GraphPool)],
        config_maps,
        policy=policy,
        defaults=defaults,
    )
    return World(
        fleet=fleet,
        graphs=raw_graphs,
        graphpools=raw_pools,
        invalid_graphs={k: text for k, text in parsed_graphs.items() if isinstance(text, str)},
        invalid_pools={k: text for k, text in parsed_pools.items() if isinstance(text, str)},
        parsed=parsed,
    )


def find_version(body: Manifest) -> Version:
    """What tells one content of an object from every other."""
    meta = body["metadata"]
    uid, version = meta.get("uid", ""), meta.get("resourceVersion", "")
    return body["kind"], meta["namespace"], meta["name"], uid, version


def find_changed_pools(before: World, after: World) -> set[ObjectKey]:
    """The pools whose children or whose graphs' status may come out differently."""
    changed = {
        key
        for key in before.fleet.pools.keys() | after.fleet.pools.keys()
        if _outline(before.fleet.pools.get(key)) != _outline(after.fleet.pools.get(key))
    }
    for key in before.graphs.keys() | after.graphs.keys():
        old, new = before.graphs.get(key), after.graphs.get(key)
        if old is None or new is None or before.verdict(key) != after.verdict(key):
            changed |= {find_pool_key(body) for body in (old, new) if body is not None}
    return changed


def _outline(pool: Pool | None) -> object:
    if pool is None:
        return None
    owner = pool.graphpool.metadata.uid if pool.graphpool else None
    return pool.spec, pool.registry, owner, {graph.metadata.uid for graph in pool.graphs}


def _keep(body: Manifest, former: Mapping[ObjectKey, Manifest]) -> Manifest:
    """The body as it was read before, if it is still the same."""
    old = former.get(_key(body))
    same = old is not None and find_version(old) == find_version(body)
    return old if old is not None and same else body


def _key(body: Manifest) -> ObjectKey:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _stays(body: Manifest) -> bool:
    return not body["metadata"].get("deletionTimestamp")
