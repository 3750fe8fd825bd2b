"""What reaches callers while workers freeze, and routers are killed, restarted and scaled."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from e2e.calls import INPUTS
from e2e.kube import Kube, make_graphspec, skip, until
from e2e.processes import find_processes, frozen

ROUTER = "graphwarden-router"
DEPLOYMENT = f"deployment/{ROUTER}"
# Of each router, of which there are two: a flood of 5 x the cap is 20 callers.
CAP = 2
FLOOD = 5 * CAP * 2
# A short queue for the pool that is to be full. The calm one queues what a busy machine holds up
# for a moment, also a second of all its calls.
ICY_QUEUE, CALM_QUEUE = 2, 100
# Calls per second to the calm pool: what a slow machine can answer beside the flood.
RATE, SECONDS = 10, 4


def make_pool(name: str, max_queued: int) -> list[dict[str, Any]]:
    """A GraphPool of one pod, and a graph in it."""
    spec = {
        "concurrencyPerReplica": CAP,
        "admission": {"maxQueued": max_queued, "maxWait": "60s"},
        "scaling": {"mode": "None"},
    }
    kind = {"apiVersion": "graphwarden.dev/v1alpha1", "kind": "GraphPool"}
    return [
        {**kind, "metadata": {"name": name}, "spec": spec},
        make_graphspec(f"load-{name}", f"load_{name}", name),
    ]


@pytest.fixture(scope="module")
def pools(kube: Kube) -> Iterator[None]:
    """Two pools, `calm` and `icy`."""
    kube.apply(*make_pool("calm", CALM_QUEUE), *make_pool("icy", ICY_QUEUE))
    kube.until_ready("load-calm", "load-icy")
    yield
    kube.delete("graphspec", "load-calm", "load-icy")
    kube.delete("graphpool", "calm", "icy")


class Load:
    """Calls of one graph, each with what came of it and how long it took (ms)."""

    def __init__(self, url: str, assistant: str) -> None:
        self._body = {"assistant_id": assistant, "input": INPUTS["email_reply"]}
        self._http = httpx.AsyncClient(base_url=url, timeout=90)
        self.found: list[tuple[str, float]] = []

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(self) -> None:
        """One call."""
        began = time.perf_counter()
        try:
            answer = await self._http.post("/runs/wait", json=self._body)
            what = str(answer.status_code)
            if answer.status_code != 200:
                what += f" {answer.json()['reason']}"
        except httpx.TransportError as error:
            what = type(error).__name__
        self.found.append((what, (time.perf_counter() - began) * 1000))

    async def at_rate(self, rate: float, seconds: float) -> None:
        """Calls at a fixed rate, whether the ones before were answered or not."""
        loop = asyncio.get_running_loop()
        began, calls = loop.time(), []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
            calls.append(asyncio.create_task(self.call()))
        await asyncio.gather(*calls)

    async def in_loops(self, count: int, until_set: asyncio.Event, pause: float = 0.05) -> None:
        """So many callers, each calling again as soon as it was answered."""

        async def call_on() -> None:
            while not until_set.is_set():
                await self.call()
                await asyncio.sleep(pause)

        await asyncio.gather(*(call_on() for _ in range(count)))

    def summarise(self) -> str:
        """For people."""
        counts = dict(Counter(what for what, _ in self.found))
        times = sorted(ms for _, ms in self.found)
        p99 = times[int(len(times) * 0.99)]
        return f"{counts}, p50 {statistics.median(times):.1f} ms, p99 {p99:.1f} ms"


Loads = Callable[[str], Load]


@pytest.fixture
async def loads(router: httpx.Client) -> AsyncIterator[Loads]:
    """Makes a load on one graph."""
    made: list[Load] = []

    def make(assistant: str) -> Load:
        made.append(Load(str(router.base_url), assistant))
        return made[-1]

    yield make
    for load in made:
        await load.close()


def _count_routers(kube: Kube) -> int:
    """Those that are about to go as well."""
    return len(kube.list("pods", f"app.kubernetes.io/name={ROUTER}"))


def answers(load: Load) -> set[str]:
    return {what for what, _ in load.found}


async def test_a_pool_whose_workers_are_frozen_costs_another_pool_no_call(
    kube: Kube, pools: None, loads: Loads
) -> None:
    before, meanwhile = loads("load_calm"), loads("load_calm")
    icy, surplus = loads("load_icy"), loads("load_icy")
    await before.at_rate(RATE, SECONDS)
    stop = asyncio.Event()
    with frozen(kube, "icy"):
        flood = asyncio.create_task(icy.in_loops(FLOOD, stop))
        await asyncio.sleep(0.5)
        await asyncio.gather(meanwhile.at_rate(RATE, SECONDS), surplus.at_rate(RATE, SECONDS))
    thawed = time.perf_counter()
    stop.set()
    await flood
    back = (time.perf_counter() - thawed) * 1000
    print(f"calm before:    {before.summarise()}")
    print(f"calm meanwhile: {meanwhile.summarise()}")
    print(f"icy, surplus:   {surplus.summarise()}")
    print(f"icy, all:       {icy.summarise()}; all answered {back:.0f} ms after the thaw")
    assert answers(before) == {"200"}
    assert answers(meanwhile) == {"200"}
    assert answers(surplus) == {"429 QueueFull"}
    assert answers(icy) == {"200", "429 QueueFull"}


async def test_routers_are_scaled_and_restarted_under_load_without_a_lost_call(
    kube: Kube, pools: None, loads: Loads
) -> None:
    load, stop = loads("load_calm"), asyncio.Event()
    before = kube.get("deployment", ROUTER)["spec"]["replicas"]
    # On kept connections, each of which has a call on its way most of the time.
    calling = asyncio.create_task(load.in_loops(3, stop, pause=0.005))
    try:
        await asyncio.to_thread(kube.kubectl, "scale", DEPLOYMENT, "--replicas=3")
        await asyncio.to_thread(kube.kubectl, "rollout", "status", DEPLOYMENT, "--timeout=180s")
        await asyncio.to_thread(kube.kubectl, "rollout", "restart", DEPLOYMENT)
        await asyncio.to_thread(kube.kubectl, "rollout", "status", DEPLOYMENT, "--timeout=180s")
        # That waits for the new ones; the old ones let go of their connections at their end.
        await asyncio.to_thread(
            until, "the old routers are gone", lambda: _count_routers(kube) == 3
        )
    finally:
        stop.set()
        await calling
        await asyncio.to_thread(kube.kubectl, "scale", DEPLOYMENT, f"--replicas={before}")
        await asyncio.to_thread(kube.kubectl, "rollout", "status", DEPLOYMENT, "--timeout=180s")
    print(f"scaled to three and restarted: {load.summarise()}")
    assert answers(load) == {"200"}


async def test_a_killed_router_costs_only_the_calls_that_it_had(
    kube: Kube, pools: None, loads: Loads
) -> None:
    if not kube.is_local:
        skip("processes can only be killed in the cluster of tests/cluster, on this machine")
    load, stop = loads("load_calm"), asyncio.Event()
    callers = 3
    calling = asyncio.create_task(load.in_loops(callers, stop))
    try:
        await asyncio.sleep(1)
        pod, *_ = kube.list("pods", f"app.kubernetes.io/name={ROUTER}")
        pids = find_processes(pod["metadata"]["uid"])
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(2)
    finally:
        stop.set()
        await calling
    print(f"killed and back: {load.summarise()}")
    assert answers(load) <= {"200", "ReadError", "RemoteProtocolError", "ConnectError"}
    lost = [what for what, _ in load.found if what in ("ReadError", "RemoteProtocolError")]
    assert len(lost) <= callers
