"""The processes of a pool's pods, stopped and killed from outside of them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.kube import Kube, skip


@contextmanager
def frozen(kube: Kube, capability: str) -> Iterator[None]:
    """The pods of a pool, stopped for as long as the block lasts, or until they are killed."""
    pids = find_workers(kube, capability)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def kill_workers(kube: Kube, capability: str) -> None:
    """SIGKILL to each worker of a pool."""
    for pid in find_workers(kube, capability):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def find_workers(kube: Kube, capability: str) -> list[int]:
    """The worker processes of a pool that runs."""
    if not kube.is_local:
        skip("processes can only be stopped in the cluster of tests/cluster, on this machine")
    uids = [pod["metadata"]["uid"] for pod in kube.pods(capability)]
    pids = [pid for uid in uids for pid in find_processes(uid)]
    assert pids
    return pids


def find_processes(pod: str) -> list[int]:
    """The processes of a pod, by their control group."""
    names = (pod, pod.replace("-", "_"))
    found = []
    for place in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            text = place.read_text()
            command = (place.parent / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(name in text for name in names) and "graphwarden" in command:
            found.append(int(place.parent.name))
    return found
