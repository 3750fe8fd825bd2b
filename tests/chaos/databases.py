"""The databases of the kill loops: what is in them, and what can be done to them."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from chaos.evidence import StoredCheckpoint, StoredEvent, StoredRun
from postgres_server import find_binaries

_SMALL = "24m"


class Database:
    """One database, as the harness sees it."""

    kind = "sqlite"

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, statement: str) -> Sequence[Any]:
        """The rows of a statement."""
        path = self.url.split("///", 1)[1]
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            return connection.execute(statement).fetchall()

    def read_runs(self) -> list[StoredRun]:
        """All runs."""
        rows = self.query("SELECT run_id, thread_id, metadata, status, error FROM graphwarden_runs")
        found = []
        for run, thread, metadata, status, error in rows:
            name = _load(metadata).get("request", "")
            told = _load(error)
            said = f"{told.get('error')}: {told.get('message')}" if told else None
            found.append(StoredRun(run, thread, name, status, said))
        return found

    def read_checkpoints(self) -> list[StoredCheckpoint]:
        """All checkpoints."""
        rows = self.query(
            "SELECT thread_id, checkpoint_ns, checkpoint_id, metadata FROM checkpoints"
        )
        found = []
        for thread, space, checkpoint, metadata in rows:
            known = _load(metadata)
            run, attempt = known.get("run_id", ""), known.get("run_attempt", 0)
            found.append(StoredCheckpoint(thread, space, checkpoint, run, attempt))
        return found

    def read_events(self) -> list[StoredEvent]:
        """The events that begin an attempt."""
        rows = self.query(
            "SELECT thread_id, seq, run_id, data FROM graphwarden_events WHERE event = 'metadata'"
        )
        return [
            StoredEvent(thread, seq, run, _load(data)["attempt"]) for thread, seq, run, data in rows
        ]


class Postgres(Database):
    """A database of a server of the tests."""

    kind = "postgresql"

    def query(self, statement: str) -> Sequence[Any]:
        """The rows of a statement."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement.encode()).fetchall()

    def restart_server(self, mode: str) -> None:
        """`fast` ends all sessions; `immediate` is a crash, with recovery at the next start."""
        (row,) = self.query("SHOW data_directory")
        data = str(row[0])
        owner = Path(data).owner()
        as_owner = [] if os.geteuid() else ["runuser", "-u", owner, "--"]
        subprocess.run(
            [*as_owner, str(find_binaries() / "pg_ctl"), "-D", data, "-w", "-m", mode, "restart"],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )


def make_database(kind: str, folder: Path, server: str | None) -> Database:
    """An empty one. `server` is the DSN of a PostgreSQL server."""
    if kind == "sqlite":
        return Database(f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}")
    assert server is not None
    name = f"chaos_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return Postgres(server.rsplit("/", 1)[0] + f"/{name}")


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system that is soon full, or None where this process may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SMALL}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Not a byte is left, for as long as the block lasts."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(64 * 1024))
        with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))
        yield
    finally:
        ballast.unlink(missing_ok=True)


def _load(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value
