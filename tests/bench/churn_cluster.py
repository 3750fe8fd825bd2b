"""What `bench.churn` disturbs: an API server, the operator, the router, and a worker per pool.

There is no kubelet and there are no controllers: the benchmark makes pods and EndpointSlices, and
brings each pool's registry to its worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench import graph_cluster, proxies
from bench.load import read_memory
from graphwarden.api import names
from integration.control.apiserver import Api, find_free_port
from worker_process import WorkerProcess, running_worker, until

NAMESPACE = graph_cluster.NAMESPACE
POOLS = ("email", "letters")
_FIRST_ADDRESS = 31
_LOOK_SECONDS = 0.3


class Replica:
    """The one worker of a pool, with its pod and EndpointSlice."""

    def __init__(self, api: Api, folder: Path, pool: str, host: str) -> None:
        self.pool = pool
        self.worker: WorkerProcess | None = None
        self._api, self._folder, self._host = api, folder, host
        self._address = f"127.83.119.{_FIRST_ADDRESS + POOLS.index(pool)}"
        self._stack = contextlib.AsyncExitStack()
        self._starts = 0
        self._forwards: set[asyncio.Task[Any]] = set()

    @property
    def port(self) -> int:
        """Where the worker listens."""
        assert self.worker is not None
        return int(self.worker.url.rpartition(":")[2])

    async def start(self) -> None:
        """A worker with the registry of now, then its pod, then its place in the Service."""
        self._starts += 1
        text = await self._until_registry()
        rows = json.loads(text)["graphs"]
        options = ("--capability", self.pool, "--host", "0.0.0.0", "--concurrency", "6")
        self.worker = await self._stack.enter_async_context(
            running_worker(self._folder / self.pool, rows, *options, settle=False)
        )
        forward = await asyncio.start_server(self._forward, self._address, names.WORKER_PORT)
        self._stack.push_async_callback(forward.wait_closed)
        self._stack.callback(forward.close)
        self._stack.callback(lambda: [task.cancel() for task in self._forwards])
        await asyncio.to_thread(self._make_pod)
        await asyncio.to_thread(self.join)

    async def kill(self) -> None:
        """SIGKILL; the cluster notices afterwards."""
        assert self.worker is not None
        await self.worker.kill()
        await self._stack.aclose()
        self._stack, self.worker = contextlib.AsyncExitStack(), None
        await asyncio.to_thread(self.leave)
        await asyncio.to_thread(self._api.delete, "Pod", self._pod)

    async def close(self) -> None:
        """End the worker."""
        await self._stack.aclose()

    def join(self) -> None:
        """Take calls."""
        name = f"{self.pool}-1"
        self._api.apply(graph_cluster.make_slice(name, self.pool, self._host, self.port))

    def leave(self) -> None:
        """Take no more calls."""
        self._api.delete("EndpointSlice", f"{self.pool}-1")

    async def follow_registry(self) -> None:
        """As a kubelet does: the file is what the ConfigMap is."""
        seen = ""
        while True:
            text = await asyncio.to_thread(self._read_registry)
            if text and text != seen and self.worker is not None:
                fresh = self.worker.registry.with_suffix(".new")
                fresh.write_text(text)
                fresh.rename(self.worker.registry)
                seen = text
            await asyncio.sleep(_LOOK_SECONDS)

    @property
    def _pod(self) -> str:
        return f"{self.pool}-{self._starts}"

    def _read_registry(self) -> str:
        found = self._api.find("ConfigMap", names.make_registry_name(self.pool))
        return str(found["data"][names.REGISTRY_KEY]) if found else ""

    async def _until_registry(self) -> str:
        return str(await until(lambda: asyncio.to_thread(self._read_registry)))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The operator asks pods at their own port, and two workers cannot have it on one host."""
        task = asyncio.current_task()
        assert task is not None
        self._forwards.add(task)
        task.add_done_callback(self._forwards.discard)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.port)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump(reader, back))
                pumps.create_task(_pump(there, writer))
        except (OSError, asyncio.CancelledError):
            # A server's task that ends as cancelled is an error to Python 3.11.
            writer.close()

    def _make_pod(self) -> None:
        name = names.make_pool_name(self.pool)
        template = self._api.get("Deployment", name)["spec"]["template"]
        meta = {"name": self._pod, "labels": template["metadata"]["labels"]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
        self._api.create(pod)
        status = {
            "phase": "Running",
            "podIP": self._address,
            "podIPs": [{"ip": self._address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        self._api.patch("Pod", self._pod, {"status": status}, subresource="/status")
        replicas = {"replicas": 1, "readyReplicas": 1}
        self._api.patch("Deployment", name, {"status": replicas}, subresource="/status")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError), contextlib.closing(writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


class Counted:
    """A process of which memory, files, threads and tasks are read."""

    def __init__(self, name: str, pid: int, place: Path) -> None:
        self.name, self.pid, self._place = name, pid, place

    async def read(self) -> dict[str, float]:
        """The four, now."""
        self._place.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR2)

        async def told() -> bool:
            return self._place.exists() and bool(self._place.read_text())

        await until(told)
        status = Path(f"/proc/{self.pid}/status").read_text()
        threads = next(line for line in status.splitlines() if line.startswith("Threads"))
        return {
            "MiB": read_memory(self.pid),
            "files": len(list(Path(f"/proc/{self.pid}/fd").iterdir())),
            "threads": int(threads.split()[1]),
            "tasks": int(self._place.read_text()),
        }


@contextlib.asynccontextmanager
async def running_operator(folder: Path, kubeconfig: Path) -> AsyncIterator[Counted]:
    """The operator over the namespace."""
    folder.mkdir()
    defaults = folder / "defaults.yaml"
    defaults.write_text("worker: {image: 'registry.example/graphs:1'}\n")
    health, tasks = find_free_port(), folder / "tasks"
    own = {
        "KUBECONFIG": str(kubeconfig),
        "GRAPHWARDEN_NAMESPACES": NAMESPACE,
        "GRAPHWARDEN_POOL_DEFAULTS": str(defaults),
        "GRAPHWARDEN_HEALTH_PORT": str(health),
        "GRAPHWARDEN_METRICS_PORT": str(find_free_port()),
    }
    command = [sys.executable, "-m", "bench.counted", str(tasks), "graphwarden.control"]
    async with proxies.running("operator", folder, command, health, environment=own) as peer:
        yield Counted("operator", peer.pid, tasks)


@contextlib.asynccontextmanager
async def running_router(folder: Path, kubeconfig: Path) -> AsyncIterator[tuple[Counted, int]]:
    """The router of the namespace, and its port."""
    folder.mkdir()
    port, tasks = find_free_port(), folder / "tasks"
    command = [sys.executable, "-m", "bench.counted", str(tasks), "graphwarden.router"]
    command += ["--kubernetes", f"--namespace={NAMESPACE}", f"--port={port}"]
    own = {"KUBECONFIG": str(kubeconfig)}
    async with proxies.running("router", folder, command, port, environment=own) as peer:
        yield Counted("router", peer.pid, tasks), port


def make_graph(name: str, pool: str, module: str = "flows.plain", **spec: Any) -> dict[str, Any]:
    """A GraphSpec whose assistant has its name."""
    own = {"assistantID": name, "capability": pool, "module": module, "builderAttr": "build_echo"}
    return {
        "apiVersion": names.API_VERSION,
        "kind": "GraphSpec",
        "metadata": {"name": name},
        "spec": own | spec,
    }


def make_pool(pool: str, concurrency: int = 4) -> dict[str, Any]:
    """A GraphPool in which a small crowd is one too many."""
    spec = {
        "concurrencyPerReplica": concurrency,
        "admission": {"maxQueued": 8, "maxWait": "2s", "coldStartWait": "2s"},
    }
    meta = {"name": pool}
    return {"apiVersion": names.API_VERSION, "kind": "GraphPool", "metadata": meta, "spec": spec}
