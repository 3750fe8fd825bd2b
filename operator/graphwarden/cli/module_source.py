"""What a module's text says of one of its names, without importing it. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

# A builder is a function that takes a checkpointer.
Kind = Literal["builder", "function", "value", "unknown"]

_CANDIDATES_SHOWN = 8
_BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While)


def find_kind(text: str, name: str) -> Kind:
    """What a name of the module is; "unknown" where it comes from elsewhere.

    Raises:
        SyntaxError: the text is not Python.
        LookupError: the module has no such name; its argument says which it has.
    """
    bound: dict[str, Kind] = {}
    aliases: dict[str, str] = {}
    is_open = False
    for statement in _walk(ast.parse(text).body):
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                bound[statement.name] = _judge_function(statement)
            case ast.ClassDef():
                bound[statement.name] = "function"
            case ast.Import() | ast.ImportFrom():
                for alias in statement.names:
                    is_open |= alias.name == "*"
                    bound[alias.asname or alias.name.split(".")[0]] = "unknown"
            case ast.Assign() | ast.AnnAssign():
                _note_assignment(statement, bound, aliases)
    is_open |= "__getattr__" in bound
    if name not in bound:
        if is_open:
            return "unknown"
        known = sorted(n for n, kind in bound.items() if kind != "unknown" and n[0] != "_")
        shown = ", ".join(known[:_CANDIDATES_SHOWN]) or "nothing"
        raise LookupError(f"has no {name} at its top level; it has {shown}")
    while name in aliases and aliases[name] in bound:
        name = aliases.pop(name)
    return bound[name]


def _walk(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of the top level, those in its conditions included."""
    for statement in statements:
        yield statement
        if isinstance(statement, _BLOCKS):
            for part in ("body", "orelse", "finalbody"):
                yield from _walk(getattr(statement, part, []))
            for handler in getattr(statement, "handlers", []):
                yield from _walk(handler.body)


def _judge_function(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Kind:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return "builder" if any(a.arg == "checkpointer" for a in every) else "function"


def _note_assignment(
    statement: ast.Assign | ast.AnnAssign, bound: dict[str, Kind], aliases: dict[str, str]
) -> None:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    if statement.value is None:
        return
    for target in targets:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                is_function = isinstance(statement.value, ast.Lambda)
                bound[node.id] = "function" if is_function else "value"
                aliases.pop(node.id, None)
                if isinstance(statement.value, ast.Name) and isinstance(target, ast.Name):
                    aliases[node.id] = statement.value.id
