"""One walk through the workload with one fault, and what came of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from integration.control.apiserver import Api, count_figures, fetch_page, find_free_port
from integration.control.pods import run_worker
from sieve.faults import Events, Fault, Kill, Stale, Storm, Write
from sieve.proxy import Proxy
from sieve.workload import STEPS, settle, take_picture

_RESYNC_SECONDS = 1.0
_QUIET_SECONDS = 1.5
# What an event fault keeps from the operator comes with the next resync.
_LONG_QUIET_SECONDS = 2 * _RESYNC_SECONDS + 1.0

# How often things may look other than undisturbed before they count as that.
_RESTS = 5


@dataclass(frozen=True)
class Case:
    """A fault by name; the number is that of a write, where it is about one."""

    kind: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.number}" if self.number else self.kind


@dataclass
class Outcome:
    """What the walk left behind."""

    writes: list[Write]
    pictures: list[dict[str, Any]]
    kills: int = 0
    traces: list[str] = field(default_factory=list)


class Operator:
    """The operator's process, begun anew whenever it was killed."""

    def __init__(self, kubeconfig: Path, namespace: str, folder: Path) -> None:
        self._folder, self.kills = folder, 0
        self.log = folder / "operator.log"
        defaults = folder / "defaults.yaml"
        defaults.write_text("worker: {image: 'registry.example/graphs:1'}\n")
        self._env = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "GRAPHWARDEN_NAMESPACES": namespace,
            "GRAPHWARDEN_POOL_DEFAULTS": str(defaults),
            "GRAPHWARDEN_RESYNC_SECONDS": str(_RESYNC_SECONDS),
            "GRAPHWARDEN_LOG_FORMAT": "text",
        }
        self._health_port = self._metrics_port = 0
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def is_up(self) -> bool:
        """Whether the present process has read the fleet."""
        try:
            return fetch_page(f"http://127.0.0.1:{self._health_port}/readyz").is_success
        except httpx.TransportError:
            return False

    def count_passes(self) -> float:
        """How many passes over a pool the present process has brought to their end."""
        name = "graphwarden_reconcile_duration_seconds_count"
        try:
            url = f"http://127.0.0.1:{self._metrics_port}/metrics"
            return count_figures(url, name, without='"failed"')
        except httpx.TransportError:
            return 0.0

    def kill(self) -> None:
        """SIGKILL, as a node that dies; nothing of it runs on when this returns."""
        assert self._process is not None
        self.kills += 1
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            with contextlib.suppress(ProcessLookupError):
                if self._process is not None:
                    self._process.terminate()
            thread.join(20)

    def _keep(self) -> None:
        while not self._stop.is_set():
            self._health_port, self._metrics_port = find_free_port(), find_free_port()
            ports = {
                "GRAPHWARDEN_HEALTH_PORT": str(self._health_port),
                "GRAPHWARDEN_METRICS_PORT": str(self._metrics_port),
            }
            with self.log.open("ab") as out:
                command = [sys.executable, "-m", "graphwarden.control"]
                self._process = subprocess.Popen(
                    command, env={**self._env, **ports}, stdout=out, stderr=out
                )
                self._process.wait()


def make_fault(case: Case, kill: Callable[[], None]) -> Fault:
    """The fault of a case."""
    match case.kind:
        case "calm":
            return Fault()
        case "killed before write" | "killed after write":
            return Kill(case.number, "after" in case.kind, kill)
        case "stale lists":
            return Stale()
        case (
            "events dropped" | "events doubled" | "events delayed" | "watches cut" | "watches gone"
        ):
            return Events(case.kind.split()[1])
        case "409 storm" | "429 storm" | "500 storm" | "503 storm":
            return Storm(int(case.kind.split()[0]), case.number, 6)
    raise ValueError(f"no fault is called {case.kind!r}")


def walk(kubeconfig: Path, case: Case, calm: Outcome | None = None) -> Outcome:
    """Go through the whole workload, with a namespace and a worker of its own.

    Where `calm` is given and things look otherwise there, they get some more time: a busy machine
    may take longer from one write to the next than all is waited for to be quiet.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        namespace = f"sieve-{uuid.uuid4().hex[:8]}"
        api = stack.enter_context(Api(kubeconfig, namespace))
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        worker = stack.enter_context(run_worker())
        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        proxy = Proxy(cluster["server"], find_free_port())
        stack.enter_context(proxy.running())
        config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{proxy.port}"}
        through = folder / "kubeconfig"
        through.write_text(yaml.safe_dump(config))
        operator = Operator(through, namespace, folder)
        proxy.fault = make_fault(case, operator.kill)
        stack.enter_context(operator.running())
        quiet = _QUIET_SECONDS if case.kind.startswith("killed") else _LONG_QUIET_SECONDS
        pictures = []
        for number, (_, step) in enumerate(STEPS):
            step(api, worker)
            for _ in range(_RESTS):
                settle(api, lambda: len(proxy.writes), quiet, operator)
                picture = take_picture(api)
                if calm is None or picture == calm.pictures[number]:
                    break
            pictures.append(picture)
        log = operator.log.read_text()
        traces = [line for line in log.splitlines() if line.startswith("Traceback")]
        return Outcome(list(proxy.writes), pictures, operator.kills, traces)


def compare(calm: Outcome, found: Outcome) -> list[str]:
    """Where a walk deviates from the one without a fault; one sentence each. Pure."""
    deviations = []
    for (name, _), wanted, seen in zip(STEPS, calm.pictures, found.pictures, strict=True):
        different = sorted(k for k in wanted.keys() | seen.keys() if wanted.get(k) != seen.get(k))
        if different:
            deviations.append(f"after {name}, other than undisturbed: {', '.join(different)}")
    if found.kills and len(found.writes) != len(calm.writes):
        # Nothing was kept from the operator, so nothing had to be written twice.
        surplus = Counter(map(_name, found.writes)) - Counter(map(_name, calm.writes))
        text = f"{len(found.writes)} writes instead of {len(calm.writes)}"
        deviations.append(f"{text}, more than undisturbed: {', '.join(sorted(surplus))}")
    if found.traces:
        deviations.append(f"{len(found.traces)} tracebacks in the log")
    return deviations


def _name(write: Write) -> str:
    place = write.path.partition("/namespaces/")[2].partition("/")[2]
    return f"{write.method} {place or write.path}"
