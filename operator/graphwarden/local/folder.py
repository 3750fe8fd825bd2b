"""From a folder of manifests to the fleet it describes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graphwarden.api.conditions import Accepted
from graphwarden.api.fleet import Fleet, ObjectKey, Policy, make_fleet
from graphwarden.api.graphspec import GraphSpec
from graphwarden.api.manifests import ManifestError, Manifests, load_manifests

# On one machine there is one interpreter: nothing is pulled, and every module is the user's own.
LOCAL_POLICY = Policy(image_required=False)


@dataclass(frozen=True)
class Problem:
    """Something in the folder that a person should mend. `where` is `file:line`, or empty."""

    where: str
    field: str
    reason: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.field, self.message) if part)


@dataclass(frozen=True)
class Folder:
    """What a folder holds, settled."""

    directory: Path
    manifests: Manifests
    fleet: Fleet

    @property
    def graphs(self) -> tuple[GraphSpec, ...]:
        """Every GraphSpec that could be read, accepted or not."""
        return self.manifests.graphs

    def problems(self) -> list[Problem]:
        """Mistakes in files, then GraphSpecs that are no part of the fleet."""
        found = [_from_error(error) for error in self.manifests.errors]
        for graph in self.graphs:
            verdict = self.fleet.verdicts[graph.key]
            if not verdict.accepted and verdict.reason != Accepted.SUSPENDED:
                where = self.manifests.sources.get(("GraphSpec", *graph.key), "")
                found.append(Problem(where, graph.metadata.name, verdict.reason, verdict.message))
        return found

    def warnings(self, app_dir: Path) -> list[Problem]:
        """What is valid and yet hardly meant: graphs and pools that will serve nothing."""
        found = []
        for graph in self.graphs:
            where = self.manifests.sources.get(("GraphSpec", *graph.key), "")
            name, spec = graph.metadata.name, graph.spec
            if self.fleet.verdicts[graph.key].reason == Accepted.SUSPENDED:
                message = self.fleet.verdicts[graph.key].message
                found.append(Problem(where, name, Accepted.SUSPENDED, message))
            if is_module_missing(spec.module, app_dir):
                message = f"no {spec.module.replace('.', '/')} below {app_dir.resolve()}"
                found.append(Problem(where, name, "ModuleNotFound", message))
        used = {(graph.metadata.namespace, graph.spec.capability) for graph in self.graphs}
        for pool in self.manifests.graphpools:
            if pool.key not in used:
                where = self.manifests.sources.get(("GraphPool", *pool.key), "")
                message = (
                    f"no GraphSpec in namespace {pool.key[0]} has capability: {pool.key[1]}; "
                    "the name of a GraphPool is the capability it settles"
                )
                found.append(Problem(where, pool.metadata.name, "UnusedPool", message))
        return found

    def pool_names(self) -> Mapping[ObjectKey, str]:
        """A short name per pool: the capability, with its namespace where two share it."""
        uses = Counter(capability for _, capability in self.fleet.pools)
        return {
            (namespace, capability): capability
            if uses[capability] == 1
            else f"{namespace}.{capability}"
            for namespace, capability in self.fleet.pools
        }


def load_folder(directory: Path) -> Folder:
    """Read a folder and settle its fleet. Mistakes are in the result, none is raised."""
    manifests = load_manifests(directory)
    fleet = make_fleet(
        manifests.graphs, manifests.graphpools, manifests.config_maps, policy=LOCAL_POLICY
    )
    return Folder(directory, manifests, fleet)


def is_module_missing(module: str, app_dir: Path) -> bool:
    """Whether the app folder has the module's package but not the module; imports nothing.

    A package that is not in the app folder may be installed: nothing is said of it.
    """
    first, *rest = module.split(".")
    package = app_dir / first
    if not package.is_dir():
        return False
    path = package.joinpath(*rest)
    is_extension = any(path.parent.glob(f"{path.name}.*.so"))
    return not (path.is_dir() or path.with_name(f"{path.name}.py").is_file() or is_extension)


def _from_error(error: ManifestError) -> Problem:
    return Problem(f"{error.file}:{error.line}", error.field, "InvalidManifest", error.message)
