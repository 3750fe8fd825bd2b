"""Statements of graphs to databases, as spans of their nodes.

Graphs that speak through SQLAlchemy are watched at its engines. The operation and the table are
told, the statement and its values never. What the worker itself stores stands in no node.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from graphwarden.worker import observer

if TYPE_CHECKING:
    from graphwarden.worker.spans import Spans

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN|TABLE)\s+[\"`\[]?([A-Za-z_][\w.]{0,63})", re.I)
_OPERATION = re.compile(r"\s*([A-Za-z]{1,20})\b")
# They begin and end what the others are.
_UNTOLD = frozenset({"BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE", "SET", "SHOW"})
_SYSTEMS = {"mysql": "mysql", "mariadb": "mariadb", "mssql": "microsoft.sql_server"}
_KEY = "_graphwarden_span"


class Statements:
    """Watches SQLAlchemy, once some graph has imported it."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._watches = False

    def watch(self) -> None:
        """Watch from now on, if there is anything to watch."""
        if self._watches or "sqlalchemy.engine" not in sys.modules:
            return
        self._watches = True
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.listen(Engine, "before_cursor_execute", self._begin)
        event.listen(Engine, "after_cursor_execute", self._end)
        event.listen(Engine, "handle_error", self._fail)

    def _begin(
        self, connection: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool
    ) -> None:
        if context is None or not observer.in_node.get() or not self._spans.wanted:
            return
        operation, table = read_statement(statement)
        if operation in _UNTOLD:
            return
        told = {
            "db.system.name": name_system(connection.dialect.name),
            "db.operation.name": operation,
        }
        if table:
            told["db.collection.name"] = table
        name = f"{operation} {table}".rstrip()
        setattr(context, _KEY, self._spans.begin_leaf(name, told))

    def _end(
        self, connection: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool
    ) -> None:
        span = getattr(context, _KEY, None)
        if span is not None:
            span.end()

    def _fail(self, failure: Any) -> None:
        span = getattr(failure.execution_context, _KEY, None)
        if span is not None:
            span.fail(type(failure.original_exception).__name__)
            span.end()


def read_statement(statement: str) -> tuple[str, str]:
    """The operation and the first table of a statement; `""` where there is none."""
    found, table = _OPERATION.match(statement), _TABLE.search(statement)
    return found[1].upper() if found else "", table[1] if table else ""


def name_system(dialect: str) -> str:
    """A database by OpenTelemetry's name of it."""
    return _SYSTEMS.get(dialect, dialect)
