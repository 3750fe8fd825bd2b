"""Child processes that end when we do, whatever ends us."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_TAIL_BYTES = 4000
# What router and workers keep of the last runs, for `graphwarden runs` and `graphwarden trace`.
KEEP_TRACES = {"GRAPHWARDEN_TRACES_KEPT": os.environ.get("GRAPHWARDEN_TRACES_KEPT", "500")}
# After its drain a program has connections and files to close.
EXIT_SECONDS = 2.0


def _make_preparation() -> Callable[[], None] | None:
    """What the child does before it becomes another program: ask to die with its parent.

    prctl(2) has it on Linux alone; elsewhere a killed parent leaves its children to their own end.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


async def start_program(
    module: str, arguments: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
) -> Process:
    """Start `python -m module`, out of reach of the terminal's Ctrl-C; its output goes to `log`.

    `environ` is added to our own environment.
    """
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environ or {})},
            start_new_session=True,
            preexec_fn=_make_preparation(),
        )


async def stop_program(process: Process, grace_seconds: float) -> int:
    """Ask a program to end, and end it when it has not after the grace. Its exit code."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(grace_seconds):
            return await process.wait()
    except TimeoutError:
        kill_program(process)
        return await process.wait()


def kill_program(process: Process) -> None:
    """End a program at once, with everything it started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def read_tail(log: Path, lines: int = 15) -> list[str]:
    """The last lines of a log, for a person who wonders why a program ended."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        return [
            f"  | {line}" for line in file.read().decode(errors="replace").splitlines()[-lines:]
        ]
    return []
