"""A fleet of small graphs in a folder of the test, run by `graphwarden up` as a user would."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

_SECONDS_TO_WAIT = 40.0
# Compiling all of LangGraph anew at each start would take longer than the tests.
_BYTECODE = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "graphwarden-tests-pycache"),
}

GRAPH = """\
from typing_extensions import TypedDict
from langgraph.graph import END, START, StateGraph

ANSWER = {answer!r}

class State(TypedDict, total=False):
    text: str
    steps: list[str]

def first(state: State) -> State:
    return {{"text": state.get("text", "") + ANSWER}}

def build_graph(checkpointer=None):
    graph = StateGraph(State)
    graph.add_node("first", first)
    graph.add_edge(START, "first")
    graph.add_edge("first", END)
    return graph.compile(checkpointer=checkpointer)
"""


SLOW = """
import asyncio

async def first(state: State) -> State:
    open("started", "w").close()
    await asyncio.sleep(state.get("seconds", 2))
    return {"text": "waited"}
"""


class Fleet:
    """A folder of flows, and `graphwarden up` on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.flows = root / "flows"
        self.flows.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = root / "up.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def add(self, name: str, *, answer: str = "!", capability: str = "one", **spec: Any) -> None:
        """A graph, its folder and its manifest."""
        folder = self.flows / f"{name}_graph"
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").write_text(GRAPH.format(answer=answer))
        fields = {"assistantID": name, "capability": capability, "module": f"flows.{name}_graph"}
        lines = [f"  {key}: {value}" for key, value in {**fields, **spec}.items()]
        head = (
            "apiVersion: graphwarden.dev/v1alpha1\nkind: GraphSpec\nmetadata: {name: %s}\nspec:\n"
        )
        (folder / "graphspec.yaml").write_text(head % name + "\n".join(lines) + "\n")

    def add_slow(self, name: str, capability: str) -> None:
        """A graph whose run makes the file `started`, and takes as long as its input says."""
        self.add(name, capability=capability)
        state = "    text: str\n    seconds: float\n"
        before, after = GRAPH.format(answer="").split("def build_graph")
        text = before.replace("    text: str\n", state) + SLOW + "\ndef build_graph" + after
        (self.flows / f"{name}_graph" / "__init__.py").write_text(text)

    def command(self, *more: str) -> list[str]:
        up = ["up", "flows", f"--port={self.port}", "--drain-seconds=5", *more]
        return [sys.executable, "-c", "from graphwarden.cli import main; main()", *up]

    @contextmanager
    def running(self, *more: str, **environ: str) -> Iterator[None]:
        environ = {**os.environ, **_BYTECODE, **environ}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                self.command(*more), cwd=self.root, stdout=out, stderr=out, env=environ
            )
        try:
            yield
        finally:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.http.close()

    def run(self, assistant: str, text: str = "hi") -> httpx.Response:
        return self.http.post(
            "/runs/wait", json={"assistant_id": assistant, "input": {"text": text}}
        )

    def says_why(self, assistant: str) -> str | None:
        """Why the graph cannot be called, or None while that is not known."""
        with suppress(httpx.TransportError):
            return str(self.run(assistant).json().get("reason"))
        return None

    def says(self, assistant: str) -> str | None:
        """What the graph answers, or None when it cannot be called."""
        with suppress(httpx.TransportError):
            got = self.run(assistant)
            if got.is_success:
                return str(got.json()["text"])
        return None

    @contextmanager
    def calling(self, assistant: str, seconds: float) -> Iterator[Future[httpx.Response]]:
        """A run of a slow graph that has started."""
        body = {"assistant_id": assistant, "input": {"seconds": seconds}}
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(self.http.post, "/runs/wait", json=body)
            until(lambda: answer.done() or (self.root / "started").exists(), "the run")
            yield answer

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        return [pid for pid, name in self.children().items() if name.endswith("worker")]

    def use(self, *command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """`graphwarden` on this fleet, as a user would."""
        program = [sys.executable, "-c", "from graphwarden.cli import main; main()", *command]
        environ = {**os.environ, **_BYTECODE, "GRAPHWARDEN_URL": str(self.http.base_url)}
        return subprocess.run(
            program, cwd=self.root, env=environ, input=stdin, capture_output=True, text=True
        )

    def children(self) -> dict[int, str]:
        """The programs that `up` runs, by process id."""
        assert self.process is not None
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    status = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    if int(status[1]) == self.process.pid and status[0] != "Z":
                        command = (entry / "cmdline").read_bytes().decode().split("\0")
                        found[int(entry.name)] = command[2] if len(command) > 2 else ""
        return found

    def output(self) -> str:
        return self.log.read_text()


def until(look: Callable[[], Any], what: str) -> Any:
    """Look until there is something. The limit is there to end, not to measure."""
    end = time.monotonic() + _SECONDS_TO_WAIT
    while not (seen := look()):
        assert time.monotonic() < end, f"waited {_SECONDS_TO_WAIT} s for {what}"
        time.sleep(0.05)
    return seen


def is_gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)
