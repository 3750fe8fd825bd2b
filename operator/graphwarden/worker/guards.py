"""Keep the worker alive when a node tries to end the process.

`sys.exit()` in a node would travel through asyncio's tasks, which hand SystemExit on to the event
loop, and every other graph of the pool would go down with it. Inside a run it becomes an ordinary
error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, ContextVar
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

in_run: ContextVar[bool] = ContextVar("in_run", default=False)


class ExitAttempted(RuntimeError):
    """A node raised SystemExit or KeyboardInterrupt."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"a node tried to end the worker by {type(error).__name__}")


class NodeThreads(ThreadPoolExecutor):
    """Threads for synchronous nodes."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn` in a thread."""

        def guarded() -> T:
            try:
                return fn(*args, **kwargs)
            except (SystemExit, KeyboardInterrupt) as error:
                raise ExitAttempted(error) from error

        return super().submit(guarded)


def make_task(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T],
    *,
    context: Context | None = None,
    **options: Any,
) -> asyncio.Task[T]:
    """A task factory for the event loop: tasks that a run starts are guarded."""
    inside = in_run.get() if context is None else context.get(in_run, False)
    guarded = _guard(work) if inside else work
    return asyncio.Task(guarded, loop=loop, context=context, **options)


async def _guard(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        raise ExitAttempted(error) from error
