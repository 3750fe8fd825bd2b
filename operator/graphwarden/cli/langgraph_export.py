"""GraphSpecs as a `langgraph.json`, so that LangGraph's own tools run the same graphs. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from graphwarden.api.graphspec import GraphSpec, RunPolicy
from graphwarden.cli.langgraph_file import Mistake, ReadFile, read_module
from graphwarden.cli.module_source import Kind, find_kind


@dataclass
class Exported:
    """A `langgraph.json` for the GraphSpecs of a folder, and what it cannot say."""

    document: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)


def export_project(graphs: Iterable[GraphSpec], read: ReadFile, root: str = ".") -> Exported:
    """A `langgraph.json` with which LangGraph's own server finds the same graphs.

    Args:
        graphs: the GraphSpecs.
        read: the text of a file below the folder that modules are imported from.
        root: that folder, as seen from where the document is written.
    """
    found = Exported()
    targets: dict[str, str] = {}
    for graph in sorted(graphs, key=lambda graph: graph.spec.assistant_id):
        name = graph.spec.assistant_id
        if name in targets:
            found.mistakes.append(f"{name}: two GraphSpecs have this assistantID; rename one")
            continue
        try:
            targets[name] = f"{graph.spec.module}:{_choose_attribute(graph, read, found.notes)}"
        except Mistake as mistake:
            found.mistakes.append(f"{name}: {mistake}")
        lost = _list_lost(graph)
        if lost:
            found.notes.append(f"{name}: {', '.join(lost)} cannot be said in a langgraph.json")
    found.document = {"dependencies": [root], "graphs": targets}
    return found


def _choose_attribute(graph: GraphSpec, read: ReadFile, notes: list[str]) -> str:
    """What LangGraph's server is to load: a graph, or a function that it knows how to call."""
    spec = graph.spec
    text = read_module(spec.module, [PurePosixPath()], read)
    if text is None:
        attribute = spec.compiled_attr
        notes.append(f"{spec.assistant_id}: {spec.module} is not in this folder; took {attribute}")
        return attribute
    if spec.precompiled:
        _find(spec.module, spec.compiled_attr, text)
        return spec.compiled_attr
    builder = _find(spec.module, spec.builder_attr, text)
    is_named = "compiled_attr" in spec.model_fields_set
    if builder in ("function", "value") and not is_named:
        return spec.builder_attr
    try:
        _find(spec.module, spec.compiled_attr, text)
    except Mistake:
        if builder != "builder":
            return spec.builder_attr
        # LangGraph's server would give it the configuration in the checkpointer's place.
        raise Mistake(
            f"{spec.module} has only {spec.builder_attr}(checkpointer); LangGraph's server needs "
            f"a graph: write `{spec.compiled_attr} = {spec.builder_attr}()` below it"
        ) from None
    return spec.compiled_attr


def _find(module: str, name: str, text: str) -> Kind:
    try:
        return find_kind(text, name)
    except SyntaxError as error:
        raise Mistake(f"{module} is not valid Python: line {error.lineno}") from error
    except LookupError as error:
        raise Mistake(f"{module} {error.args[0]}") from error


def _list_lost(graph: GraphSpec) -> list[str]:
    spec = graph.spec
    found = {
        "context": bool(spec.context),
        "contextFrom": bool(spec.context_from),
        "run": spec.run != RunPolicy(),
        "suspend": spec.suspend,
    }
    return [name for name, is_set in found.items() if is_set]
