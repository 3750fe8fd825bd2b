"""A dump and its restoration as docs/operations.md tells them; a database of a newer release."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from postgres_fixtures import make_database
from postgres_server import find_binaries
from worker_process import WorkerProcess, make_row, running_worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

KEPT = make_row("kept", "build_echo", resumable=True)


async def _call(worker: WorkerProcess) -> Any:
    body = {"assistant_id": "kept", "input": {"foo": "x"}, "if_not_exists": "create"}
    return (await worker.http.post("/threads/deal-1/runs/wait", json=body)).json()


async def test_threads_of_a_restored_database_go_on(tmp_path: Path, postgres_server: str) -> None:
    before, after = (make_database(postgres_server) for _ in "12")
    async with running_worker(tmp_path / "one", [KEPT], "--database-url", before) as worker:
        assert (await _call(worker))["log"] == ["a", "b"]
    dump = tmp_path / "graphwarden.dump"
    # Beside the server, so that they are of its version.
    programs = (find_binaries() / "initdb").resolve().parent
    with dump.open("wb") as out:
        command = [str(programs / "pg_dump"), "--format=custom", "--no-owner", before]
        subprocess.run(command, stdout=out, check=True)
    options = ["--clean", "--if-exists", "--no-owner", "--exit-on-error", f"--dbname={after}"]
    for _ in "12":  # into an empty database, and over what is there
        with dump.open("rb") as text:
            subprocess.run([str(programs / "pg_restore"), *options], stdin=text, check=True)
    async with running_worker(tmp_path / "two", [KEPT], "--database-url", after) as worker:
        assert (await _call(worker))["log"] == ["a", "b"] * 2


async def test_a_worker_that_is_older_than_its_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "fleet.sqlite"
    place = ("--database-url", f"sqlite:///{path}")
    rows = [KEPT, make_row("echo")]
    async with running_worker(tmp_path / "one", rows, *place) as worker:
        await worker.until_settled()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE graphwarden_schema_version SET version_num = '9999'")
    connection.close()
    async with running_worker(tmp_path / "two", rows, *place) as worker:
        graphs = await worker.until_settled()
    assert graphs["echo"]["loaded"]
    assert graphs["kept"]["reason"] == "StorageMissing"
    assert "revision 9999" in (tmp_path / "two/log").read_text()
