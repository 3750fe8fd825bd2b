"""Between rows and values. Pure."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import Row

from graphwarden.worker.runs import Run
from graphwarden.worker.threads import Thread

_THREAD_FIELDS = tuple(f.name for f in fields(Thread))
_RUN_FIELDS = tuple(f.name for f in fields(Run))


def make_thread_row(thread: Thread) -> dict[str, Any]:
    """The columns of a thread."""
    row = {name: getattr(thread, name) for name in _THREAD_FIELDS}
    row["thread_metadata"] = row.pop("metadata")
    row["thread_values"] = row.pop("values")
    return row


def read_thread(row: Row[Any]) -> Thread:
    """The thread of a row, which may have more columns."""
    return Thread(**{name: row._mapping[name] for name in _THREAD_FIELDS})


def make_run_row(run: Run) -> dict[str, Any]:
    """The columns of a run."""
    row = {name: getattr(run, name) for name in _RUN_FIELDS}
    row["run_metadata"] = row.pop("metadata")
    return row


def read_run(row: Row[Any]) -> Run:
    """The run of a row, which may have more columns."""
    return Run(**{name: row._mapping[name] for name in _RUN_FIELDS})
