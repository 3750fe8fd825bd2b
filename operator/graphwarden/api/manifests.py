"""A folder of manifests, read strictly: every mistake has its file, line, field and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from graphwarden.api import names
from graphwarden.api.graphpool import GraphPool
from graphwarden.api.graphspec import GraphSpec

_SUFFIXES = {".yaml", ".yml", ".json"}
_SKIPPED_FOLDERS = {"node_modules", "__pycache__", "venv"}
_FILE_SIZE_LIMIT = 1 << 20  # an object in etcd is at most 1.5 MiB; a manifest is far below
_RULE_PREFIX = "Value error, "


@dataclass(frozen=True)
class ManifestError:
    """One mistake in a manifest. `line` counts from 1; `field` is a dotted path, or empty."""

    file: Path
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        parts = (f"{self.file}:{self.line}", self.field, self.message)
        return ": ".join(part for part in parts if part)


@dataclass(frozen=True)
class Manifests:
    """What a folder holds. With errors, the rest is still there, for tools that go on."""

    graphs: tuple[GraphSpec, ...] = ()
    graphpools: tuple[GraphPool, ...] = ()
    config_maps: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    errors: tuple[ManifestError, ...] = ()
    sources: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    """`file:line` of each object by (kind, namespace, name)."""


def find_manifest_files(directory: Path) -> Iterator[Path]:
    """Manifest files below a folder, sorted; hidden and dependency folders are left out."""
    for path in sorted(directory.rglob("*")):
        parts = path.relative_to(directory).parts
        hidden = any(part.startswith(".") or part in _SKIPPED_FOLDERS for part in parts)
        if not hidden and path.suffix in _SUFFIXES and path.is_file():
            yield path


def load_manifests(directory: Path) -> Manifests:
    """Read every GraphSpec, GraphPool and ConfigMap below a folder; other kinds are passed over."""
    reader = _Reader()
    for path in find_manifest_files(directory):
        reader.read(path)
    return reader.result()


class _Reader:
    def __init__(self) -> None:
        self.graphs: list[GraphSpec] = []
        self.graphpools: list[GraphPool] = []
        self.config_maps: dict[tuple[str, str], Mapping[str, str]] = {}
        self.errors: list[ManifestError] = []
        self.sources: dict[tuple[str, str, str], str] = {}

    def result(self) -> Manifests:
        return Manifests(
            tuple(self.graphs),
            tuple(self.graphpools),
            self.config_maps,
            tuple(self.errors),
            self.sources,
        )

    def read(self, path: Path) -> None:
        try:
            if path.stat().st_size > _FILE_SIZE_LIMIT:
                self.errors.append(ManifestError(path, 1, "", "file is larger than 1 MiB"))
                return
            text = path.read_text()
            nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
            documents = list(yaml.safe_load_all(text))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            message = f"not valid YAML: {error.problem or error.context}"
            self.errors.append(ManifestError(path, line, "", message))
            return
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            self.errors.append(ManifestError(path, 1, "", f"cannot be read: {error}"))
            return
        for node, document in zip(nodes, documents, strict=True):
            if document is not None:
                self._add(path, node, document)

    def _add(self, path: Path, node: yaml.Node, document: Any) -> None:
        line = node.start_mark.line + 1
        if not isinstance(document, dict):
            message = "a manifest is a mapping with apiVersion, kind and spec"
            self.errors.append(ManifestError(path, line, "", message))
            return
        kind, api_version = document.get("kind"), str(document.get("apiVersion", ""))
        ours = api_version.startswith(f"{names.GROUP}/")
        if ours and api_version != names.API_VERSION:
            message = f"{api_version} is not served; write {names.API_VERSION}"
            self.errors.append(ManifestError(path, _line_of(node, ("apiVersion",)), "", message))
        elif ours and kind not in ("GraphSpec", "GraphPool"):
            message = f"kind {kind!r} does not exist; write GraphSpec or GraphPool"
            self.errors.append(ManifestError(path, _line_of(node, ("kind",)), "kind", message))
        elif ours:
            self._add_own(path, node, document, str(kind))
        elif kind == "ConfigMap" and api_version == "v1":
            self._add_config_map(path, node, document)

    def _add_own(self, path: Path, node: yaml.Node, document: dict[str, Any], kind: str) -> None:
        model = GraphSpec if kind == "GraphSpec" else GraphPool
        body = {k: v for k, v in document.items() if k not in ("apiVersion", "kind", "status")}
        metadata = body.pop("metadata", None)
        key = self._claim(path, node, metadata, kind)
        if key is None:
            return
        body["metadata"] = {"namespace": key[0], "name": key[1]}
        try:
            parsed = model.model_validate(body, extra="forbid", by_alias=True, by_name=False)
        except ValidationError as error:
            self.errors += _explain(path, node, error)
            return
        if isinstance(parsed, GraphSpec):
            self.graphs.append(parsed)
        else:
            self.graphpools.append(parsed)

    def _add_config_map(self, path: Path, node: yaml.Node, document: dict[str, Any]) -> None:
        key = self._claim(path, node, document.get("metadata"), "ConfigMap")
        if key is not None:
            data = document.get("data") or {}
            self.config_maps[key] = {str(k): str(v) for k, v in data.items()}

    def _claim(
        self, path: Path, node: yaml.Node, metadata: Any, kind: str
    ) -> tuple[str, str] | None:
        line = _line_of(node, ("metadata",))
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
            self.errors.append(ManifestError(path, line, "metadata.name", "a name is missing"))
            return None
        namespace, name = str(metadata.get("namespace") or "default"), metadata["name"]
        where = f"{path}:{node.start_mark.line + 1}"
        first = self.sources.setdefault((kind, namespace, name), where)
        if first != where:
            message = f"{kind} {namespace}/{name} stands already in {first}; rename or remove one"
            self.errors.append(ManifestError(path, line, "metadata.name", message))
            return None
        return namespace, name


def _explain(path: Path, node: yaml.Node, error: ValidationError) -> Iterator[ManifestError]:
    for problem in error.errors(include_url=False):
        location = tuple(problem["loc"])
        message = problem["msg"].removeprefix(_RULE_PREFIX)
        if problem["type"] == "extra_forbidden":
            message = "no such field; check the spelling, or remove it"
        elif problem["type"] == "missing":
            message = "this field is required"
        elif problem["type"] == "string_pattern_mismatch":
            message = f"{problem['input']!r} does not fit: {_spell_pattern(location)}"
        yield ManifestError(
            path, _line_of(node, location), ".".join(str(p) for p in location), message
        )


def _spell_pattern(location: tuple[Any, ...]) -> str:
    match location[-1]:
        case "capability":
            return "a capability is a DNS label: a-z, 0-9 and inner hyphens"
        case "assistantID":
            return "an assistantID has a-z, 0-9, _ and - only"
        case "module":
            return "a module is a dotted import path such as graphs.email_reply_graph"
        case "builderAttr" | "compiledAttr":
            return "an attribute is a Python name such as build_graph"
        case _:
            return "write for example 90s, 15m or 64Mi"


def _line_of(node: yaml.Node, location: tuple[Any, ...]) -> int:
    """The line of the deepest part of the path that stands in the document, from 1."""
    line = node.start_mark.line + 1
    for part in location:
        child = _child_of(node, part)
        if child is None:
            break
        line, node = child
    return line


def _child_of(node: yaml.Node, part: Any) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        value = node.value[part]
        return value.start_mark.line + 1, value
    return None
