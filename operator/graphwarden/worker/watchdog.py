"""A thread beside the event loop that sees when a graph blocks it or eats up the memory.

The loop cannot watch itself. This thread asks it ten times a second to answer; where it does not,
the frame of the main thread tells the line, and the mark of the current task the run. Code that
holds the interpreter's lock (a regular expression, a C extension) stops this thread as well: a
timer of faulthandler, which needs no lock, is pushed back as long as this thread runs.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from types import FrameType

from graphwarden.worker import marks
from graphwarden.worker.admission import Admission
from graphwarden.worker.blockage import Blockage
from graphwarden.worker.memory_guard import MemoryGuard
from graphwarden.worker.metrics import Metrics
from graphwarden.worker.replacement import ExitCode, end_now
from graphwarden.worker.settings import Settings

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
_ARM_SECONDS = 1.0
# The timer without the lock comes after this thread had its chance to say more.
_LAST_RESORT_FACTOR = 3
_FRAMES_TOLD = 8
_LIBRARIES = tuple(sysconfig.get_paths()[key] for key in ("stdlib", "purelib", "platlib"))


class Watchdog:
    """Watches one event loop; started on its thread.

    Args:
        on_worn: called on the loop when the process should drain and be replaced.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        admission: Admission,
        memory: MemoryGuard | None,
        on_worn: Callable[[ExitCode], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._main = threading.get_ident()
        self._metrics = metrics
        self._admission = admission
        self._memory = memory
        self._on_worn = on_worn
        self._blockage = Blockage(
            settings.blocked_loop_warn_seconds, settings.blocked_loop_limit_seconds
        )
        self._last_resort_seconds = settings.blocked_loop_limit_seconds * _LAST_RESORT_FACTOR
        self._lost_limit_seconds = settings.lost_threads_limit_seconds
        self._lost_seconds = 0.0
        self._armed_at = 0.0
        self._worn = False
        self._culprit = ""
        self._answered = threading.Event()
        self._answered.set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._push_back_last_resort(time.monotonic())
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        last = time.monotonic()
        while not self._stopped.wait(_LOOK_SECONDS):
            now = time.monotonic()
            elapsed, last = now - last, now
            self._push_back_last_resort(now)
            self._look_at_loop(elapsed)
            self._look_at_threads(elapsed)
            if self._memory is not None and self._memory.look(elapsed):
                self._wear(ExitCode.MEMORY)

    def _push_back_last_resort(self, now: float) -> None:
        if self._last_resort_seconds and now - self._armed_at >= _ARM_SECONDS:
            self._armed_at = now
            faulthandler.dump_traceback_later(
                self._last_resort_seconds, exit=True, file=sys.__stderr__ or sys.stderr
            )

    def _look_at_loop(self, elapsed: float) -> None:
        if self._answered.is_set():
            seconds = self._blockage.end()
            if seconds:
                self._metrics.loop_blocked(self._culprit, seconds)
                logger.warning(
                    "event loop turns again",
                    extra={"assistant_id": self._culprit, "seconds": round(seconds, 1)},
                )
            self._answered.clear()
            self._loop.call_soon_threadsafe(self._answered.set)
            return
        step = self._blockage.note(elapsed)
        if step == "wait":
            return
        told = self._describe()
        if step == "warn":
            logger.warning("event loop is blocked: synchronous code in an async node?", extra=told)
            return
        logger.error("event loop is blocked for too long, this process is replaced", extra=told)
        end_now(ExitCode.LOOP_BLOCKED)

    def _describe(self) -> dict[str, object]:
        mark = marks.find_at_work(self._loop)
        self._culprit = mark.assistant_id if mark is not None else ""
        place, stack = describe_frames(sys._current_frames().get(self._main))
        return {
            "assistant_id": self._culprit,
            "run_id": mark.run_id if mark is not None else "",
            "place": place,
            "stack": stack,
            "seconds": round(self._blockage.seconds, 1),
        }

    def _look_at_threads(self, elapsed: float) -> None:
        if not self._admission.mostly_lost:
            self._lost_seconds = 0.0
            return
        self._lost_seconds += elapsed
        if self._lost_seconds >= self._lost_limit_seconds and not self._worn:
            logger.error(
                "threads of runs that ended hold most of this worker, it is replaced",
                extra={"lost": self._admission.lost, "limit": self._admission.limit},
            )
            self._wear(ExitCode.THREADS_LOST)

    def _wear(self, code: ExitCode) -> None:
        if not self._worn:
            self._worn = True
            self._loop.call_soon_threadsafe(self._on_worn, code)


def describe_frames(frame: FrameType | None) -> tuple[str, list[str]]:
    """The line outside of all libraries that is executed, and the innermost lines around it."""
    lines: list[str] = []
    own = ""
    while frame is not None:
        code = frame.f_code
        line = f"{code.co_filename}:{frame.f_lineno} {code.co_name}"
        if not own and not code.co_filename.startswith((*_LIBRARIES, "<frozen")):
            own = line
        lines.append(line)
        frame = frame.f_back
    return own or (lines[0] if lines else "unknown"), lines[:_FRAMES_TOLD]
