"""Run a piece of code in a child process that kills itself before its n-th line."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

_FAILED = 3


class _Killer:
    """Counts the lines that run in some files, and kills the process before one of them."""

    def __init__(self, files: frozenset[str], line: int, told: int) -> None:
        self._files = files
        self._left = line
        self._told = told

    def trace(self, frame: FrameType, event: str, _arg: Any) -> Any:
        """What `sys.settrace` calls: only the wanted files are followed line by line."""
        if frame.f_code.co_filename not in self._files:
            return None
        if event == "line":
            self._left -= 1
            if self._left == 0:
                place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                os.write(self._told, place.encode())
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace


def run_in_child(work: Callable[[], None]) -> None:
    """Run it in a fork of this process.

    Raises:
        AssertionError: it did not end well; what it said is on standard error.
    """
    status = os.waitpid(_fork(work), 0)[1]
    assert status == 0, f"the child ended with {status}"


def run_until_line(work: Callable[[], None], files: frozenset[str], line: int) -> str | None:
    """Where it was killed, as `file.py:12`; None when it ended before it came to that line."""
    reading, writing = os.pipe()

    def watched() -> None:
        sys.settrace(_Killer(files, line, writing).trace)
        work()
        sys.settrace(None)

    child = _fork(watched)
    os.close(writing)
    with os.fdopen(reading) as told:
        place = told.read()
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), f"the child ended with {status}"
    return place if status else None


def _fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    code = _FAILED
    try:
        work()
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)
