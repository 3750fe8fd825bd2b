"""Keep the process below its memory limit: refuse, then end runs, then end the process."""

from __future__ import annotations

import asyncio
import logging

from graphwarden.worker import marks
from graphwarden.worker.admission import Admission
from graphwarden.worker.inflight import InFlight
from graphwarden.worker.memory import Ledger, Pressure, give_back, read_used
from graphwarden.worker.replacement import ExitCode, end_now

logger = logging.getLogger(__name__)

# How long an ended run gets to let go before the next one is ended, and all of them together.
_NEXT_SECONDS = 1.0
_OVER_SECONDS = 5.0
# A worker without runs that stays short of memory has leaked it.
_IDLE_SECONDS = 10.0
_GIVE_BACK_SECONDS = 0.5


class MemoryGuard:
    """Looks at the memory from the watchdog's thread; what it decides is done on the loop."""

    def __init__(self, limit: int, runs: InFlight, admission: Admission) -> None:
        self._loop = asyncio.get_running_loop()
        self._pressure = Pressure(limit)
        self._ledger = Ledger()
        self._movements = marks.Movements()
        self._runs = runs
        self._admission = admission
        self._ended: set[str] = set()
        self._over_seconds = 0.0
        self._idle_seconds = 0.0
        self._since_end = _NEXT_SECONDS
        self._since_give_back = _GIVE_BACK_SECONDS

    def look(self, elapsed: float) -> bool:
        """One look. True when the worker should drain and be replaced."""
        used = read_used()
        if used is None:
            return False
        self._since_end += elapsed
        self._since_give_back += elapsed
        in_flight = [handle.run_id for handle in list(self._runs.handles)]
        self._ended &= set(in_flight)
        at_work = marks.list_in_threads() + self._movements.look()
        self._ledger.note(used, {mark.run_id for mark in at_work}, in_flight)
        was_high = self._pressure.is_high
        self._pressure.note(used)
        worth_it = not was_high or not in_flight or self._pressure.is_over(used)
        if self._pressure.is_high and worth_it and self._since_give_back >= _GIVE_BACK_SECONDS:
            self._since_give_back = 0.0
            give_back()
            used = read_used() or used
            self._pressure.note(used)
        self._tell(was_high, used)
        if self._pressure.is_over(used):
            self._end_one(elapsed, used)
        else:
            self._over_seconds = 0.0
        return self._is_worn(elapsed, bool(in_flight))

    def _tell(self, was_high: bool, used: int) -> None:
        is_high = self._pressure.is_high
        self._admission.short_of_memory = is_high
        if is_high != was_high:
            text = "no new runs: memory is short" if is_high else "new runs again: memory is free"
            logger.warning(text, extra={"used": used, "limit": self._pressure.limit})

    def _end_one(self, elapsed: float, used: int) -> None:
        self._over_seconds += elapsed
        told = {"used": used, "limit": self._pressure.limit}
        if self._over_seconds >= _OVER_SECONDS:
            logger.error("memory stays beyond the limit, this process is replaced", extra=told)
            end_now(ExitCode.MEMORY)
        if self._since_end < _NEXT_SECONDS:
            return
        run_id = self._ledger.choose(self._ended)
        if run_id is None:
            return
        self._since_end = 0.0
        self._ended.add(run_id)
        logger.error("run ended: memory is beyond the limit", extra={**told, "run_id": run_id})
        self._loop.call_soon_threadsafe(self._end, run_id)

    def _end(self, run_id: str) -> None:
        handle = self._runs.find(run_id)
        if handle is not None:
            handle.stop("memory")
        for mark in marks.list_in_threads():
            if mark.run_id == run_id:
                mark.throw_in_threads(MemoryError)

    def _is_worn(self, elapsed: float, busy: bool) -> bool:
        idle_and_high = self._pressure.is_high and not busy
        self._idle_seconds = self._idle_seconds + elapsed if idle_and_high else 0.0
        return self._idle_seconds >= _IDLE_SECONDS
