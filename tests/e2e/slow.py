"""A pool whose one graph takes as long as it is told; its module comes from a ConfigMap."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import httpx

from e2e.kube import Manifest, make_graphspec

# Under a prefix of its own, which the values of the tests allow.
PACKAGE = "e2e_graphs"
_MODULE = """
import asyncio
from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict, total=False):
    seconds: float
    done: bool


async def sleep(state: State) -> State:
    await asyncio.sleep(state.get("seconds", 0))
    return {"done": True}


def build_graph(checkpointer=None):
    graph = StateGraph(State)
    graph.add_node("sleep", sleep)
    graph.add_edge(START, "sleep")
    graph.add_edge("sleep", END)
    return graph.compile(checkpointer=checkpointer)
"""


def make_slow_pool(name: str, **spec: Any) -> list[Manifest]:
    """The objects of pool `name` with the graph `slow_<name>`; `spec` is that of its GraphPool."""
    source = {"name": "modules", "configMap": {"name": f"{name}-modules"}}
    mount = {"name": "modules", "mountPath": f"/modules/{PACKAGE}"}
    container = {"name": "worker", "volumeMounts": [mount]}
    worker = {
        "env": [{"name": "PYTHONPATH", "value": "/modules"}],
        "podTemplate": {"spec": {"volumes": [source], "containers": [container]}},
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{name}-modules"},
            "data": {"slow.py": _MODULE},
        },
        {
            "apiVersion": "graphwarden.dev/v1alpha1",
            "kind": "GraphPool",
            "metadata": {"name": name},
            "spec": {"worker": worker, **spec},
        },
        make_graphspec(
            f"slow-{name}",
            f"slow_{name}",
            name,
            module=f"{PACKAGE}.slow",
            builderAttr="build_graph",
        ),
    ]


class Callers:
    """So many callers, each with one run after the other, for as long as the block lasts."""

    def __init__(
        self, url: str, assistant: str, count: int, seconds: float, *, keep: bool = True
    ) -> None:
        """`keep`: whether a connection serves one call after the other."""
        headers = {} if keep else {"connection": "close"}
        self._http = httpx.AsyncClient(base_url=url, timeout=180, headers=headers)
        self._body = {"assistant_id": assistant, "input": {"seconds": seconds}}
        self._count = count
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.answers: Counter[str] = Counter()

    async def __aenter__(self) -> Callers:
        self._tasks = [asyncio.create_task(self._call_on()) for _ in range(self._count)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)
        await self._http.aclose()

    async def _call_on(self) -> None:
        while not self._stop.is_set():
            self.answers[await self._call()] += 1

    async def _call(self) -> str:
        began = time.monotonic()
        try:
            answer = await self._http.post("/runs/wait", json=self._body)
        except httpx.TransportError as error:
            return f"{type(error).__name__} after {time.monotonic() - began:.1f} s"
        if answer.status_code != 200:
            return f"{answer.status_code}: {answer.text}"
        return "done" if answer.json().get("done") else answer.text
