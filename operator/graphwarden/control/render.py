"""The objects that would be applied for a folder of manifests, without a cluster. Pure but for
reading the folder."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import yaml

from graphwarden.api.fleet import make_fleet
from graphwarden.api.manifests import load_manifests
from graphwarden.control.desired import make_children
from graphwarden.control.kinds import Manifest
from graphwarden.control.settings import Settings


class _Dumper(yaml.SafeDumper):
    """Texts of several lines, such as the registry, stay legible; nothing is an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )


_Dumper.add_representer(str, _represent_text)


class RenderError(Exception):
    """Manifests that cannot be rendered; one line per mistake."""


def render(directory: Path, settings: Settings) -> str:
    """YAML of every child of every pool, with the GraphSpecs that are left out as comments.

    Owners have a nil uid: it is the API server that gives uids.

    Raises:
        RenderError: a manifest has mistakes.
    """
    manifests = load_manifests(directory)
    if manifests.errors:
        raise RenderError("\n".join(str(error) for error in manifests.errors))
    fleet = make_fleet(
        manifests.graphs,
        manifests.graphpools,
        manifests.config_maps,
        policy=settings.policy,
        defaults=settings.defaults,
    )
    refused = [
        f"# GraphSpec {namespace}/{name} is left out: {verdict.reason}: {verdict.message}\n"
        for (namespace, name), verdict in sorted(fleet.verdicts.items())
        if not verdict.accepted
    ]
    children = [child for pool in fleet.pools.values() for child in make_children(pool)]
    documents = yaml.dump_all(
        [_with_uids(child) for child in children],
        Dumper=_Dumper,
        sort_keys=False,
        explicit_start=True,
    )
    return "".join(refused) + documents


def _with_uids(child: Manifest) -> Manifest:
    for owner in child["metadata"]["ownerReferences"]:
        owner["uid"] = owner["uid"] or str(uuid.UUID(int=0))
    return child
