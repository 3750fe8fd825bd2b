"""What `bench.churn` does to the fleet, and what callers do meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx

from bench.churn_cluster import POOLS, Replica, make_graph, make_pool
from integration.control.apiserver import Api

_CALLERS = 4
_MOST_GRAPHS = 30
_STEP_SECONDS = 1.0


class Churn:
    """One change after the other, by chance but the same at each run."""

    def __init__(self, api: Api, replicas: Sequence[Replica]) -> None:
        self.graphs: list[str] = []
        self.done: Counter[str] = Counter()
        self._api, self._replicas = api, replicas
        self._numbers = itertools.count(1)
        self._chance = random.Random(1)

    async def run(self) -> None:
        """Change something each second."""
        while True:
            began = time.monotonic()
            await self.step()
            await asyncio.sleep(max(0.0, _STEP_SECONDS - (time.monotonic() - began)))

    async def step(self) -> None:
        """One change."""
        number = next(self._numbers)
        replica = self._replicas[number // 60 % len(self._replicas)]
        if number % 120 == 0:
            await self._note("a worker killed", replica.kill())
            await self._note("a worker started", replica.start())
        elif number % 60 == 30:
            await self._note("an EndpointSlice gone and back", self._blink(replica))
        elif number % 15 == 5:
            body = make_pool(self._chance.choice(POOLS), self._chance.randint(2, 5))
            await self._note("a GraphPool changed", asyncio.to_thread(self._api.apply, body))
        elif number % 2 or not self.graphs:
            await self._add(number)
        else:
            await self._change(self._chance.choice(self.graphs))
        if len(self.graphs) > _MOST_GRAPHS:
            name = self.graphs.pop(0)
            await self._note("a GraphSpec deleted", asyncio.to_thread(self._delete, name))

    async def _add(self, number: int) -> None:
        # Every tenth one makes a pool that nobody has seen before.
        name, pool = f"graph-{number}", self._chance.choice(POOLS)
        pool = f"pool-{number}" if number % 20 == 1 else pool
        await self._note("a GraphSpec made", asyncio.to_thread(self._apply, name, pool))
        self.graphs.append(name)

    async def _change(self, name: str) -> None:
        match self._chance.randrange(3):
            case 0:
                what = "a GraphSpec's context changed"
                spec: dict[str, Any] = {"context": {"number": self._chance.random()}}
            case 1:
                what, spec = "a GraphSpec moved", {"capability": self._chance.choice(POOLS)}
            case _:
                what, spec = (
                    "a GraphSpec suspended or not",
                    {"suspend": self._chance.random() < 0.5},
                )
        await self._note(
            what, asyncio.to_thread(self._api.patch, "GraphSpec", name, {"spec": spec})
        )

    async def _blink(self, replica: Replica) -> None:
        await asyncio.to_thread(replica.leave)
        await asyncio.sleep(1)
        await asyncio.to_thread(replica.join)

    async def _note(self, what: str, work: Any) -> None:
        await work
        self.done[what] += 1

    def _apply(self, name: str, pool: str) -> None:
        self._api.apply(make_graph(name, pool))

    def _delete(self, name: str) -> None:
        self._api.delete("GraphSpec", name)


class Traffic:
    """Callers of every kind; what they were answered is counted, not judged."""

    def __init__(self, url: str, churn: Churn) -> None:
        self.answers: Counter[str] = Counter()
        self._url, self._churn = url, churn
        self._chance = random.Random(2)

    async def run(self) -> None:
        """Call until cancelled."""
        async with (
            asyncio.TaskGroup() as group,
            httpx.AsyncClient(base_url=self._url, timeout=30, trust_env=False) as client,
        ):
            callers = [group.create_task(self._call_on(client)) for _ in range(_CALLERS)]
            await asyncio.gather(*callers)

    async def _call_on(self, client: httpx.AsyncClient) -> None:
        while True:
            pool = self._chance.choice(POOLS)
            match self._chance.randrange(20):
                case 0:
                    await asyncio.gather(*(self._wait(client, pool, 0.5) for _ in range(16)))
                case 1 | 2:
                    await self._leave(client, pool)
                case 3 | 4 | 5:
                    await self._stream(client, f"echo-{pool}")
                case 6 | 7 | 8 | 9 if self._churn.graphs:
                    await self._ask(client, self._chance.choice(self._churn.graphs[-10:]))
                case 10:
                    await self._ask(client, "nobody")
                case 11 | 12:
                    await self._wait(client, pool, 0.2)
                case _:
                    await self._ask(client, f"echo-{pool}")
            await asyncio.sleep(self._chance.random() * 0.3)

    async def _ask(self, client: httpx.AsyncClient, assistant: str) -> None:
        await self._post(client, assistant, {"foo": "x", "log": []})

    async def _wait(self, client: httpx.AsyncClient, pool: str, seconds: float) -> None:
        await self._post(client, f"patient-{pool}", {"seconds": seconds})

    async def _post(self, client: httpx.AsyncClient, assistant: str, value: Any) -> None:
        body = {"assistant_id": assistant, "input": value}
        try:
            answer = await client.post("/runs/wait", json=body)
            failed = answer.status_code == 200 and b"__error__" in answer.content
            self.answers["200 with an error" if failed else str(answer.status_code)] += 1
        except httpx.TransportError:
            self.answers["broken off"] += 1

    async def _stream(self, client: httpx.AsyncClient, assistant: str) -> None:
        body = {"assistant_id": assistant, "input": {"foo": "x", "log": []}}
        try:
            async with client.stream("POST", "/runs/stream", json=body) as answer:
                async for _ in answer.aiter_raw():
                    pass
                self.answers[f"stream {answer.status_code}"] += 1
        except httpx.TransportError:
            self.answers["stream broken off"] += 1

    async def _leave(self, client: httpx.AsyncClient, pool: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1 + self._chance.random() * 0.2):
                await self._wait(client, pool, 2.0)
                return
        self.answers["left by the caller"] += 1
