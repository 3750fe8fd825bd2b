"""Keep the worker alive when a node tries to end the process.

`sys.exit()` in a node would travel through asyncio's tasks, which hand SystemExit on to the event
loop, and every other graph of the pool would go down with it. Inside a run it becomes an ordinary
error. A process that a node forks must not go on as a second worker on the same connections: it
ends where the node does. Tasks and threads are marked with their run on the way.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context
from typing import Any, ParamSpec, TypeVar

from graphwarden.worker import marks

P = ParamSpec("P")
T = TypeVar("T")


class ExitAttempted(RuntimeError):
    """A node raised SystemExit or KeyboardInterrupt."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"a node tried to end the worker by {type(error).__name__}")


class NodeThreads(ThreadPoolExecutor):
    """Threads for synchronous nodes."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn` in a thread."""
        mark = marks.current.get()

        def guarded() -> T:
            if mark is not None:
                mark.entered()
            try:
                return fn(*args, **kwargs)
            except (SystemExit, KeyboardInterrupt) as error:
                raise ExitAttempted(error) from error
            finally:
                _end_copy()
                if mark is not None:
                    mark.left()

        if mark is None:
            return super().submit(guarded)
        mark.submitted()
        future = super().submit(guarded)
        future.add_done_callback(lambda done: mark.withdrawn() if done.cancelled() else None)
        return future


_worker = os.getpid()


def guard_forks(loop: asyncio.AbstractEventLoop) -> None:
    """Have copies of this process end before they turn the loop."""
    os.register_at_fork(after_in_child=lambda: loop.call_soon(_end_copy))


def _end_copy() -> None:
    if os.getpid() != _worker:
        os._exit(0)


def make_task(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T],
    *,
    context: Context | None = None,
    **options: Any,
) -> asyncio.Task[T]:
    """A task factory for the event loop: tasks that a run starts are guarded."""
    mark = marks.current.get() if context is None else context.get(marks.current)
    if mark is None:
        return asyncio.Task(work, loop=loop, context=context, **options)
    task = asyncio.Task(_guard(work), loop=loop, context=context, **options)
    marks.mark_task(task, mark)
    return task


async def _guard(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        raise ExitAttempted(error) from error
