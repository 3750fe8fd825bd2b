"""The router follows a real API server: etcd and kube-apiserver, without kubelet or controllers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from integration.control.apiserver import PLACES, Api
from integration.router.upstream import Router, always, listening, running_router

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PLACES.setdefault("EndpointSlice", "apis/discovery.k8s.io/v1/{}/endpointslices")


class Line:
    """The way to the API server, which the test can cut and mend."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writers.clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._join(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._target)
        self._writers |= {writer, back}
        await asyncio.gather(_pump(reader, back), _pump(there, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        # The line was cut: the other half ends below.
        pass
    writer.close()


@pytest.fixture
async def line(kubeconfig: Path) -> AsyncIterator[Line]:
    config = yaml.safe_load(kubeconfig.read_text())
    url = urlsplit(config["clusters"][0]["cluster"]["server"])
    assert url.hostname
    assert url.port
    line = Line(url.hostname, url.port)
    await line.mend()
    yield line
    await line.cut()


@pytest.fixture
async def cluster_router(
    kubeconfig: Path, line: Line, api: Api, tmp_path: Path
) -> AsyncIterator[Router]:
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{line.port}"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    options = (f"--namespace={api.namespace}", "--unready-seconds=0.1")
    async with running_router(tmp_path, *options, kubeconfig=tmp_path / "kubeconfig") as router:
        yield router


@pytest.fixture
def host() -> str:
    """An address of this machine that an EndpointSlice may name: not of loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but that of loopback")
        found: str = probe.getsockname()[0]
    return found


def add_graph(api: Api, *, accepted: str | None = "True") -> None:
    api.apply(
        {
            "apiVersion": "graphwarden.dev/v1alpha1",
            "kind": "GraphSpec",
            "metadata": {"name": "x"},
            "spec": {"assistantID": "x", "capability": "email", "module": "graphs.x"},
        }
    )
    if accepted is not None:
        set_accepted(api, accepted)


def set_accepted(api: Api, status: str) -> None:
    condition = {
        "type": "Accepted",
        "status": status,
        "reason": "Accepted" if status == "True" else "AssistantIDConflict",
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    api.patch("GraphSpec", "x", {"status": {"conditions": [condition]}}, subresource="/status")


def add_worker(api: Api, endpoint: str, *, ready: bool = True) -> None:
    address, _, port = endpoint.rpartition(":")
    api.apply(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "s", "labels": {"graphwarden.dev/pool": "email"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": int(port)}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": ready}}],
        }
    )


async def eventually(check: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(30):
        while not await check():
            await asyncio.sleep(0.02)


async def has_table(router: Router) -> bool:
    return (await router.http.get("/ready")).is_success


async def test_a_graph_is_served_once_it_is_accepted(
    api: Api, cluster_router: Router, host: str
) -> None:
    await eventually(lambda: has_table(cluster_router))
    async with listening(always(200), host) as worker:
        add_graph(api, accepted=None)
        add_worker(api, worker.endpoint)
        await asyncio.sleep(0.3)
        assert (await cluster_router.run()).status_code == 422
        set_accepted(api, "True")
        statuses = {422}

        async def is_served() -> bool:
            statuses.add((await cluster_router.run()).status_code)
            return 200 in statuses

        await eventually(is_served)
    assert statuses == {422, 200}


async def test_a_graph_that_goes_is_unknown_again(
    api: Api, cluster_router: Router, host: str
) -> None:
    async with listening(always(200), host) as worker:
        add_worker(api, worker.endpoint)
        add_graph(api)

        async def answers(status: int) -> bool:
            return (await cluster_router.run()).status_code == status

        await eventually(lambda: has_table(cluster_router))
        await eventually(lambda: answers(200))
        api.delete("GraphSpec", "x")
        await eventually(lambda: answers(422))


async def test_a_call_is_held_until_the_first_worker_is_ready(
    api: Api, cluster_router: Router, host: str
) -> None:
    async with listening(always(200), host) as worker:
        add_graph(api)
        add_worker(api, worker.endpoint, ready=False)
        await eventually(lambda: has_table(cluster_router))
        call = asyncio.create_task(cluster_router.run())

        async def waits() -> bool:
            return await cluster_router.gauge("graphwarden_router_queue_depth") == 1

        await eventually(waits)
        assert worker.received == []
        add_worker(api, worker.endpoint)
        assert (await call).status_code == 200


async def test_calls_go_on_while_the_api_server_is_away_and_changes_arrive_when_it_is_back(
    api: Api, cluster_router: Router, line: Line, host: str
) -> None:
    async with listening(always(200), host) as first, listening(always(200), host) as second:
        add_graph(api)
        add_worker(api, first.endpoint)
        await eventually(lambda: has_table(cluster_router))

        async def arrives_at_second() -> bool:
            assert (await cluster_router.run()).status_code == 200
            return bool(second.received)

        async def is_known() -> bool:
            return (await cluster_router.http.get("/assistants/x")).is_success

        await eventually(is_known)
        await line.cut()
        for _ in range(5):
            assert (await cluster_router.run()).status_code == 200
        assert await has_table(cluster_router)
        add_worker(api, second.endpoint)
        await line.mend()
        await eventually(arrives_at_second)
