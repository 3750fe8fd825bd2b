"""A project's `langgraph.json` as GraphSpecs. Pure.

What the graphs' modules look like comes in as a function that gives a file's text by its path
below the project. Modules are read, never imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic import ValidationError

from graphwarden.api import names
from graphwarden.api.graphspec import GraphSpec
from graphwarden.cli.module_source import Kind, find_kind

ReadFile = Callable[[PurePosixPath], str | None]

_FOREIGN = (".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx")
_PACKAGE_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_SILENT = frozenset({"graphs", "$schema"})
# Where each setting of LangGraph's server has its place here.
_COUNTERPARTS: Final = {
    "env": "put the variables into a Secret and name it in `worker.envFrom` of the GraphPool",
    "dependencies": "install them in the worker image",
    "python_version": "choose it with the base of the worker image",
    "pip_config_file": "use it where the worker image is built",
    "pip_installer": "use it where the worker image is built",
    "dockerfile_lines": "write them into the Dockerfile of the worker image",
    "base_image": "write it into the Dockerfile of the worker image",
    "image_distro": "choose it with the base of the worker image",
    "keep_pkg_tools": "it is for the build of the image",
    "api_version": "the server is Graphwarden's own",
    "node_version": "JavaScript graphs are not run here",
    "store": "resumable pools have a store in their database, without an index and without expiry",
    "checkpointer": "resumable graphs have theirs in the pool's database, without expiry",
    "auth": "callers are known by API keys or tokens: see `router.auth` of the chart",
    "http": "origins are in `router.corsOrigins` of the chart; routes of your own need a Service",
    "ui": "it is not served here",
    "ui_config": "it is not served here",
    "webhooks": "webhooks are sent to the address in the call",
    "encryption": "encrypt the database",
}


@dataclass
class Imported:
    """What a `langgraph.json` comes to. With mistakes, nothing should be written."""

    manifests: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)


def import_project(
    document: Any, read: ReadFile, *, capability: str, resumable: bool = False
) -> Imported:
    """The manifests of a project, by the name of their object.

    Args:
        document: the content of `langgraph.json`.
        read: the text of a file below the project, None when there is none.
        capability: the pool of all of them.
        resumable: let them keep threads, as LangGraph's own server does for every graph.
    """
    found = Imported()
    graphs = document.get("graphs") if isinstance(document, dict) else None
    if not isinstance(graphs, dict) or not graphs:
        found.mistakes.append('it names no graphs: write {"graphs": {"NAME": "./file.py:graph"}}')
        return found
    for key in sorted(document.keys() - _SILENT):
        found.notes.append(f"{key}: {_COUNTERPARTS.get(key, 'unknown here, and left out')}")
    roots = _find_roots(document.get("dependencies"), read)
    for name, entry in graphs.items():
        try:
            body = _make_body(name, entry, roots, read, found.notes)
            manifest = _make_manifest(body, capability, resumable=resumable)
            if manifest["metadata"]["name"] in found.manifests:
                raise Mistake(f"another graph has the name {manifest['metadata']['name']} too")
        except Mistake as mistake:
            found.mistakes.append(f"graphs.{name}: {mistake}")
        else:
            found.manifests[manifest["metadata"]["name"]] = manifest
    if not resumable and not found.mistakes:
        found.notes.append(
            "threads: LangGraph's server keeps the state of every graph; here only resumable "
            "graphs have state (--resumable, or `resumable: true` in the GraphSpec)"
        )
    return found


class Mistake(ValueError):
    """A graph that cannot be taken over."""


@dataclass(frozen=True)
class _Body:
    assistant_id: str
    module: str
    attribute: str
    kind: Kind


def _find_roots(dependencies: Any, read: ReadFile) -> list[PurePosixPath]:
    """The folders that modules are imported from, the deepest first."""
    roots = {PurePosixPath()}
    for entry in dependencies if isinstance(dependencies, list) else []:
        folder = _parse_path(entry) if isinstance(entry, str) and entry.startswith(".") else None
        if folder is not None and any(read(folder / name) is not None for name in _PACKAGE_FILES):
            roots.add(folder)
            if read(folder / "src" / "__init__.py") is None:
                roots.add(folder / "src")
    return sorted(roots, key=lambda root: (-len(root.parts), str(root)))


def _make_body(
    name: str, entry: Any, roots: list[PurePosixPath], read: ReadFile, notes: list[str]
) -> _Body:
    if isinstance(entry, dict):
        extra = sorted(entry.keys() - {"path"})
        if extra:
            notes.append(f"graphs.{name}: {', '.join(extra)} has no counterpart, and is left out")
        entry = entry.get("path")
    if not isinstance(entry, str) or entry.count(":") != 1 or not all(entry.split(":")):
        raise Mistake('write "./path/file.py:attribute" or "package.module:attribute"')
    place, attribute = entry.split(":")
    if place.endswith(_FOREIGN):
        raise Mistake(f"{place} is a JavaScript graph; only Python graphs are run here")
    text: str | None
    if "/" in place or "\\" in place or place.endswith(".py"):
        module, text = _find_by_path(place, roots, read, name, notes)
    else:
        module, text = place, read_module(place, roots, read)
        if text is None:
            notes.append(f"graphs.{name}: {place} is not in the project, so it was not looked at")
    assistant_id = _make_assistant_id(name, notes)
    kind: Kind = "unknown"
    if text is not None:
        try:
            kind = find_kind(text, attribute)
        except SyntaxError as error:
            raise Mistake(f"{place} is not valid Python: line {error.lineno}") from error
        except LookupError as error:
            raise Mistake(f"{place} {error.args[0]}") from error
    return _Body(assistant_id, module, attribute, kind)


def _find_by_path(
    place: str, roots: list[PurePosixPath], read: ReadFile, name: str, notes: list[str]
) -> tuple[str, str]:
    path = _parse_path(place)
    if path is None:
        raise Mistake(f"{place} is not below the project; name a file below it")
    text = read(path)
    if text is None or path.suffix != ".py":
        raise Mistake(f"there is no Python file {place}; paths start at the folder of the file")
    root = next(root for root in roots if path.is_relative_to(root))
    relative = path.relative_to(root).with_suffix("")
    parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
    module = ".".join(parts)
    if not re.fullmatch(names.MODULE_PATTERN, module):
        raise Mistake(
            f"{place} has no dotted import path ({module or 'nothing is left of it'}); rename the "
            "folder or the file to Python names, as a GraphSpec names a module"
        )
    if root.parts:
        notes.append(
            f"graphs.{name}: imported as {module}, as {root} is a folder of packages: install it "
            f"in the worker image; on this machine: graphwarden up --app-dir {root}"
        )
    return module, text


def _parse_path(text: str) -> PurePosixPath | None:
    """The path below the project, without dots; None when it leads out of it."""
    parts: list[str] = []
    if PurePosixPath(text).is_absolute():
        return None
    for part in PurePosixPath(text.replace("\\", "/")).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def read_module(module: str, roots: Iterable[PurePosixPath], read: ReadFile) -> str | None:
    """The text of a module that is imported from one of these folders; None when it is in none."""
    for root in roots:
        path = root.joinpath(*module.split("."))
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            text = read(candidate)
            if text is not None:
                return text
    return None


def _make_assistant_id(name: str, notes: list[str]) -> str:
    made = re.sub(r"[^a-z0-9_-]", "_", name.lower())
    if made != name:
        notes.append(f"graphs.{name}: the assistant is called {made}, which callers have to write")
    return made


def _make_manifest(body: _Body, capability: str, *, resumable: bool) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "assistantID": body.assistant_id,
        "capability": capability,
        "module": body.module,
    }
    if body.kind in ("builder", "function") or resumable:
        # The worker takes a graph in a builder's place too, and gives it the checkpointer.
        spec["builderAttr"] = body.attribute
    else:
        spec |= {"compiledAttr": body.attribute, "precompiled": True}
    if resumable:
        spec["resumable"] = True
    name = re.sub(r"[^a-z0-9-]+", "-", body.assistant_id.replace("_", "-")).strip("-")
    manifest = {
        "apiVersion": names.API_VERSION,
        "kind": "GraphSpec",
        "metadata": {"name": name},
        "spec": spec,
    }
    if not name:
        raise Mistake("its name has no letter and no digit")
    try:
        GraphSpec.model_validate({"metadata": {"name": name}, "spec": spec})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        raise Mistake(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error
    return manifest
