"""P5 of `bench.router`: from a write to the API server to the first 200, and changes under load."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from bench import graph_cluster, proxies
from bench.load import quantile, read_cpu
from bench.pace import Pace, count_statuses, keep_pace
from bench.parts import Part
from bench.peers import Peer, PeerMissing
from bench.router_cpu import BY_GRAPH, OURS
from graphwarden.api.table import AssistantRoute
from graphwarden.twin.files import write_files
from graphwarden.twin.render import Place, render
from integration.control.apiserver import Api
from worker_process import free_port

# For each round; five make the 3000 and 1000 of the goals.
ADDS, CHANGES, PEER_ADDS = 600, 200, 20
P99_MS = 30.0
LOAD_RATE = 200.0
_PROBE_SECONDS = 0.001
_PATIENCE_SECONDS = 20.0


async def measure_updates(folder: Path, rounds: int, seconds: float) -> Part:
    """P5: with 1000 graphs, and an Envoy that follows files beside it."""
    part = Part(f"P5  updates of routes with {proxies.GRAPHS} graphs")
    try:
        await _measure_ours(part, folder, rounds, seconds)
    except PeerMissing as reason:
        part.missing[OURS] = str(reason)
    try:
        await _measure_envoy(part, folder / "envoy", rounds)
    except PeerMissing as reason:
        part.missing[BY_GRAPH] = str(reason)
    return part


async def _measure_ours(part: Part, folder: Path, rounds: int, seconds: float) -> None:
    host = graph_cluster.find_host()
    async with contextlib.AsyncExitStack() as stack:
        kubeconfig = stack.enter_context(graph_cluster.running_cluster(folder / "api"))
        api = stack.enter_context(Api(kubeconfig, graph_cluster.NAMESPACE))
        stubs = [
            await stack.enter_async_context(
                proxies.stub(folder / f"stub-{number}", "--graphs=2000", host=host)
            )
            for number in range(2)
        ]
        ports = [stub.port for stub in stubs]
        await asyncio.to_thread(graph_cluster.fill, kubeconfig, proxies.GRAPHS)
        for pool in range(graph_cluster.POOLS):
            await asyncio.to_thread(graph_cluster.set_workers, api, pool, host, ports)
        router = await stack.enter_async_context(_our_router(folder / "router", kubeconfig))
        await Probe(router.port, proxies.GRAPHS - 1).until_served()
        await _add_graphs(part, api, router, ADDS * rounds)
        print("  graphs were added", file=sys.stderr)
        await _change(part, api, router, folder, (host, ports), CHANGES * rounds, seconds)


async def _add_graphs(part: Part, api: Api, router: Peer, count: int) -> None:
    """One graph more, as soon as the one before was served and is deleted again."""
    from_sent, from_answered, statuses = [], [], Counter[int]()
    cpu = read_cpu(router.pid)
    for number in range(proxies.GRAPHS, proxies.GRAPHS + count):
        await asyncio.to_thread(graph_cluster.create_graph, api, number)
        probe = Probe(router.port, number)
        probing = asyncio.create_task(probe.until_served())
        # Some answers come before the graph is accepted.
        await asyncio.sleep(0.01)
        sent = time.perf_counter()
        await asyncio.to_thread(graph_cluster.accept_graph, api, number)
        answered = time.perf_counter()
        served = await probing
        from_sent.append((served - sent) * 1e3)
        from_answered.append((served - answered) * 1e3)
        statuses += probe.statuses
        await asyncio.to_thread(api.delete, "GraphSpec", f"graph-{number}")
    used = (read_cpu(router.pid) - cpu) * 1e3 / count
    for name, found in (("write sent", from_sent), ("write done", from_answered)):
        part.rows.append(
            {
                "subject": OURS,
                "what": f"{name} to first 200, ms",
                "n": count,
                "p50": quantile(found, 0.5),
                "p99": quantile(found, 0.99),
                "max": max(found),
                "answers": _show(statuses),
            }
        )
    part.rows.append({"subject": OURS, "what": "CPU of the router per add, ms", "p50": used})
    part.judge(
        "p99 from the write's end to the first 200, ms", quantile(from_answered, 0.99), P99_MS
    )
    others = sum(count for status, count in statuses.items() if status not in (200, 422))
    part.judge(f"answers but 422 and 200 in {count} adds", others, 0)


async def _change(
    part: Part,
    api: Api,
    router: Peer,
    folder: Path,
    workers: tuple[str, list[int]],
    count: int,
    seconds: float,
) -> None:
    """Graphs change, and workers come and go, while one graph is called all the time."""
    host, ports = workers
    # graph_7 is the one that is called.
    pool, done, statuses = 7, asyncio.Event(), Counter[str]()

    def change(number: int) -> None:
        match number % 4:
            case 0:
                graph_cluster.drop_worker(api, pool, 1)
            case 2:
                graph_cluster.set_workers(api, pool, host, ports)
            case _:
                graph_cluster.change_graph(api, number % 40, 600 + number)

    async def load() -> None:
        while not done.is_set():
            pace = Pace(router.port, LOAD_RATE, max(2.0, seconds), "graph_7")
            statuses.update(count_statuses(await keep_pace(pace, folder)))

    loading = asyncio.create_task(load())
    try:
        for number in range(count):
            await asyncio.to_thread(change, number)
    finally:
        done.set()
        await loading
    answers = " ".join(f"{name}:{n}" for name, n in sorted(statuses.items()))
    row = {"subject": OURS, "what": "changes under load", "n": count, "answers": answers}
    part.rows.append(row)
    failed = sum(n for name, n in statuses.items() if name != "200")
    part.judge(f"calls that failed in {count} changes", failed, 0)


async def _measure_envoy(part: Part, folder: Path, rounds: int) -> None:
    """An Envoy: from the renamed file of routes to the first 200."""
    async with proxies.stub(folder / "stub") as stub:
        table = proxies.make_table(proxies.spread(f"127.0.0.1:{stub.port}"))
        async with proxies.envoy_twin(folder / "proxy", table) as envoy:
            place = Place(str(folder / "proxy"), port=envoy.port)
            await Probe(envoy.port, 7).until_served()
            found, statuses = [], Counter[int]()
            for number in range(proxies.GRAPHS, proxies.GRAPHS + PEER_ADDS * rounds):
                more = {f"graph_{number}": AssistantRoute(pool="pool_1")}
                document = table.model_copy(
                    update={"assistants": table.assistants | more, "generation": number}
                )
                files = render(document, place)
                probe = Probe(envoy.port, number)
                probing = asyncio.create_task(probe.until_served())
                await asyncio.sleep(0.01)
                await asyncio.to_thread(write_files, Path(place.folder), files)
                written = time.perf_counter()
                found.append((await probing - written) * 1e3)
                statuses += probe.statuses
    part.rows.append(
        {
            "subject": BY_GRAPH,
            "what": "file renamed to first 200, ms",
            "n": len(found),
            "p50": quantile(found, 0.5),
            "p99": quantile(found, 0.99),
            "max": max(found),
            "answers": _show(statuses),
        }
    )


class Probe:
    """Calls of one graph, one after the other on one connection, until it is served."""

    def __init__(self, port: int, number: int) -> None:
        body = b'{"assistant_id":"graph_%d","input":{}}' % number
        self._request = (
            b"POST /runs/wait HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n" % len(body)
        ) + body
        self._port = port
        self.statuses: Counter[int] = Counter()

    async def until_served(self) -> float:
        """When the first 200 came.

        Raises:
            RuntimeError: none came.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        end = time.perf_counter() + _PATIENCE_SECONDS
        try:
            while time.perf_counter() < end:
                writer.write(self._request)
                head = await reader.readuntil(b"\r\n\r\n")
                came, status = time.perf_counter(), int(head[9:12])
                (length,) = (
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                await reader.readexactly(length)
                self.statuses[status] += 1
                if status == 200:
                    return came
                await asyncio.sleep(_PROBE_SECONDS)
        finally:
            writer.close()
        raise RuntimeError(f"never served: {_show(self.statuses)}")


@contextlib.asynccontextmanager
async def _our_router(folder: Path, kubeconfig: Path) -> AsyncIterator[Peer]:
    port = free_port()
    command = [sys.executable, "-m", "graphwarden.router", "--kubernetes", f"--port={port}"]
    command += [f"--namespace={graph_cluster.NAMESPACE}", "--unready-seconds=0.1"]
    own = {"KUBECONFIG": str(kubeconfig)}
    async with proxies.running(OURS, folder, command, port, environment=own) as peer:
        yield peer


def _show(statuses: Counter[int]) -> str:
    return " ".join(f"{status}:{count}" for status, count in sorted(statuses.items()))
