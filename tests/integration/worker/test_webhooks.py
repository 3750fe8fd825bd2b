"""Webhooks: delivered, tried again, refused."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from worker_process import WorkerProcess, make_row, running_worker, until

pytestmark = pytest.mark.integration

ROWS = [
    make_row("echo"),
    make_row("kept", "build_echo", resumable=True),
    make_row("kept_failing", "build_failing", resumable=True),
]


class Receiver:
    """A small HTTP server that keeps what it gets and answers what it is told."""

    def __init__(self, *statuses: int | None) -> None:
        self.url = ""
        self.got: list[tuple[dict[str, str], dict[str, Any]]] = []
        self._statuses = list(statuses)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value
            for name, value in (line.split(": ", 1) for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append((headers, json.loads(body)))
        status = self._statuses.pop(0) if self._statuses else 200
        if status is None:
            await self._answer_without_end(writer)
            return
        answer = f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n"
        writer.write(f"{answer}location: {self.url}\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async def _answer_without_end(self, writer: asyncio.StreamWriter) -> None:
        """A head that goes on and on, a byte at a time, as long as somebody listens."""
        with suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 ")
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.2)


@asynccontextmanager
async def receiving(*statuses: int | None) -> AsyncIterator[Receiver]:
    receiver = Receiver(*statuses)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://localhost:{port}/hook?token=secret"
    async with server:
        yield receiver


async def until_got(receiver: Receiver, count: int) -> None:
    async def there() -> bool:
        return len(receiver.got) >= count

    await until(there)


async def change_in_backoff(worker: WorkerProcess, database_url: str, statement: str) -> None:
    """Change the deliveries once the first try is over."""

    async def failed() -> bool:
        return 'outcome="failed"} 1.0' in (await worker.http.get("/metrics")).text

    await until(failed)
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.split("///")[1])) as connection:
            connection.execute(statement)
            connection.commit()
        return
    with psycopg.connect(database_url, autocommit=True) as postgres:
        postgres.execute(statement.encode())


@pytest.mark.parametrize("graph", ["kept", "echo"])
async def test_the_end_of_a_run_is_told(tmp_path: Path, database_url: str, graph: str) -> None:
    place = ("--database-url", database_url, "--webhook-allow", "127.0.0.0/8,::1")
    async with receiving() as receiver, running_worker(tmp_path, ROWS, *place) as worker:
        body = {"assistant_id": graph, "input": {"foo": "x"}, "webhook": receiver.url}
        answer = await worker.http.post("/runs/wait", json=body)
        await until_got(receiver, 1)
        log = (tmp_path / "log").read_text()
    headers, told = receiver.got[0]
    assert answer.json() == told["values"] == {"foo": "xab", "log": ["a", "b"]}
    assert told["status"] == "success"
    assert told["run_started_at"] <= told["run_ended_at"] <= told["webhook_sent_at"]
    assert headers["host"].startswith("localhost:")
    assert len(headers["x-graphwarden-delivery"]) == 36
    assert "secret" not in log


async def test_a_failed_run_is_told_with_its_error(tmp_path: Path, database_url: str) -> None:
    place = ("--database-url", database_url, "--webhook-allow", "localhost")
    async with receiving() as receiver, running_worker(tmp_path, ROWS, *place) as worker:
        body = {"assistant_id": "kept_failing", "input": {"foo": "x"}, "webhook": receiver.url}
        await worker.http.post("/runs/wait", json=body)
        await until_got(receiver, 1)
    assert receiver.got[0][1]["error"] == {"error": "ValueError", "message": "kaboom"}


@pytest.mark.parametrize("status", [500, 302])
async def test_a_webhook_that_was_not_taken_is_sent_again_and_follows_nobody(
    tmp_path: Path, database_url: str, status: int
) -> None:
    place = ("--database-url", database_url, "--webhook-allow", "localhost")
    async with receiving(status) as receiver, running_worker(tmp_path, ROWS, *place) as worker:
        body = {"assistant_id": "kept", "input": {"foo": "x"}, "webhook": receiver.url}
        await worker.http.post("/runs/wait", json=body)
        await until_got(receiver, 2)

        async def counted() -> bool:
            text = (await worker.http.get("/metrics")).text
            return all(f'outcome="{outcome}"}} 1.0' in text for outcome in ("failed", "delivered"))

        await until(counted)
    names = {headers["x-graphwarden-delivery"] for headers, _ in receiver.got}
    assert (len(receiver.got), len(names)) == (2, 1)


async def test_a_receiver_whose_answer_has_no_end_keeps_no_other_waiting(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url, "--webhook-allow", "localhost")
    async with (
        receiving(None) as endless,
        receiving() as other,
        running_worker(tmp_path, ROWS, *place) as worker,
    ):
        for receiver in (endless, other):
            body = {"assistant_id": "kept", "input": {"foo": "x"}, "webhook": receiver.url}
            await worker.http.post("/runs/wait", json=body)
            await until_got(receiver, 1)
        assert len(endless.got) == 1
        await until_got(endless, 2)


@pytest.mark.parametrize("status", [500, None], ids=["after-a-try", "while-it-sends"])
async def test_a_webhook_is_sent_by_another_worker_when_the_first_is_killed(
    tmp_path: Path, database_url: str, status: int | None
) -> None:
    place = ("--database-url", database_url, "--webhook-allow", "localhost")
    async with receiving(status) as receiver:
        async with running_worker(tmp_path / "one", ROWS, *place) as worker:
            body = {"assistant_id": "kept", "input": {"foo": "x"}, "webhook": receiver.url}
            await worker.http.post("/runs/wait", json=body)
            await until_got(receiver, 1)
            await worker.kill()
        async with running_worker(tmp_path / "two", ROWS, *place):
            await until_got(receiver, 2)


async def test_a_url_that_no_client_can_send_to_is_given_up_in_the_end(
    tmp_path: Path, database_url: str
) -> None:
    place = ("--database-url", database_url, "--webhook-allow", "localhost")
    async with receiving(500) as receiver, running_worker(tmp_path, ROWS, *place) as worker:
        body = {"assistant_id": "kept", "input": {"foo": "x"}, "webhook": receiver.url}
        await worker.http.post("/runs/wait", json=body)
        await until_got(receiver, 1)
        bad = "UPDATE graphwarden_webhooks SET attempts = 11, url = 'http://a..b/'"
        await change_in_backoff(worker, database_url, bad)

        async def dropped() -> bool:
            return 'outcome="dropped"} 1.0' in (await worker.http.get("/metrics")).text

        await until(dropped)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("notaurl", "Invalid webhook hostname ''"),
        ("http://127.0.0.1:9/", "Webhook host blocked: loopback IP range"),
        ("http://localhost:9/", "Webhook host blocked: loopback IP range"),
        ("http://169.254.169.254/latest", "Webhook host blocked: link-local IP range"),
        ("http://[::ffff:10.0.0.1]/", "Webhook host blocked: private IP range"),
    ],
)
async def test_a_webhook_into_the_own_network_is_refused_when_the_run_is_created(
    tmp_path: Path, url: str, words: str
) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path / 'fleet.sqlite'}"
    async with running_worker(tmp_path, ROWS, "--database-url", database) as worker:
        body = {"assistant_id": "kept", "input": {"foo": "x"}, "webhook": url}
        answers = [await worker.http.post(path, json=body) for path in ("/runs", "/runs/wait")]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert {answer.json()["detail"] for answer in answers} == {words}
