"""Which run is at work: marks that runs leave on their tasks and threads.

A watchdog outside the event loop reads them to name the run that holds a worker up.
"""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable
from contextvars import ContextVar
from weakref import ReferenceType, WeakKeyDictionary, ref


class RunMark:
    """One execution of a graph, and its node threads: those at work and those yet to start."""

    def __init__(self, assistant_id: str, run_id: str) -> None:
        self.assistant_id = assistant_id
        self.run_id = run_id
        self._lock = threading.Lock()
        self._open = 0
        self._when_idle: Callable[[], None] | None = None

    @property
    def open_threads(self) -> int:
        """Pieces of work given to node threads that have not ended."""
        return self._open

    def submitted(self) -> None:
        """A thread was asked for."""
        with self._lock:
            self._open += 1

    def entered(self) -> None:
        """This thread begins to work for the run."""
        with self._lock:
            _in_threads[threading.get_ident()] = self

    def left(self) -> None:
        """This thread is done with the run."""
        ident = threading.get_ident()
        with self._lock:
            _in_threads.pop(ident, None)
            # What was thrown at the run must not hit the next user of the thread.
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), None)
        self.withdrawn()

    def withdrawn(self) -> None:
        """A piece of work ended, or was cancelled before it began."""
        with self._lock:
            self._open -= 1
            call = self._when_idle if self._open == 0 else None
        if call is not None:
            call()

    def when_idle(self, call: Callable[[], None]) -> bool:
        """Have `call` made by the last thread at its end; False when none is left."""
        with self._lock:
            if self._open:
                self._when_idle = call
            return self._open > 0

    def throw_in_threads(self, error: type[BaseException]) -> None:
        """Raise an error in the run's threads, as soon as they run Python code again."""
        with self._lock:
            for ident in [i for i, mark in list(_in_threads.items()) if mark is self]:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(ident), ctypes.py_object(error)
                )


current: ContextVar[RunMark | None] = ContextVar("run_mark", default=None)
_in_threads: dict[int, RunMark] = {}
# Python 3.11 does not tell the context of a task.
_of_tasks: WeakKeyDictionary[asyncio.Task[object], RunMark] = WeakKeyDictionary()


def begin(assistant_id: str, run_id: str) -> RunMark:
    """Mark this task, and the tasks and threads it starts, as the work of a run."""
    mark = RunMark(assistant_id, run_id)
    current.set(mark)
    task = asyncio.current_task()
    if task is not None:
        mark_task(task, mark)
    return mark


def mark_task(task: asyncio.Task[object], mark: RunMark) -> None:
    """Remember for whom a task works."""
    _of_tasks[task] = mark


def find_at_work(loop: asyncio.AbstractEventLoop) -> RunMark | None:
    """The run whose code the event loop executes at this moment. For other threads."""
    task = asyncio.current_task(loop)
    return _of_tasks.get(task) if task is not None else None


class Movements:
    """Which runs the event loop worked for since the last look. For other threads.

    A look from another thread happens when the loop lets go of the interpreter's lock, so that
    it seldom finds a task at work; but a task that was at work waits for something else since.
    """

    def __init__(self) -> None:
        self._waits: WeakKeyDictionary[asyncio.Task[object], ReferenceType[object]] = (
            WeakKeyDictionary()
        )

    def look(self) -> list[RunMark]:
        """The runs whose tasks went on, or are about to."""
        moved = []
        for reference in _of_tasks.keyrefs():
            task = reference()
            mark = _of_tasks.get(task) if task is not None else None
            if task is None or mark is None or task.done():
                continue
            wait = getattr(task, "_fut_waiter", None)
            last = self._waits.get(task)
            if wait is None or last is None or last() is not wait:
                moved.append(mark)
            if wait is not None:
                self._waits[task] = ref(wait)
        return moved


def list_in_threads() -> list[RunMark]:
    """The runs that threads work for now."""
    return list(_in_threads.values())
