"""A run that stores behind its steps gets no further ahead than its database can follow.

With `durability="async"` LangGraph 1.2 lets steps go on while their checkpoints are being stored,
without end: where the database is slower than the graph, each step leaves a checkpoint in memory.
And what a checkpoint fails with comes up at the end of the run, so that a worker whose thread was
taken over would go through all steps that are left. Here a step waits when the run is several
checkpoints ahead, and does not begin when one of them has failed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from langgraph.pregel._loop import AsyncPregelLoop
from langgraph.types import PregelExecutableTask

_STEPS_AHEAD: Final = 8

_langgraphs_own = AsyncPregelLoop.amatch_cached_writes
_ahead: WeakKeyDictionary[AsyncPregelLoop, deque[asyncio.Future[Any]]] = WeakKeyDictionary()


def pace_langgraph() -> None:
    """Have every loop wait for its checkpoints. Calling it again changes nothing."""
    AsyncPregelLoop.amatch_cached_writes = _match_when_stored  # type: ignore[assignment, method-assign]


async def _match_when_stored(loop: AsyncPregelLoop) -> Sequence[PregelExecutableTask]:
    # The one thing that LangGraph awaits between planning a step and beginning it.
    newest = getattr(loop, "_put_checkpoint_fut", None)
    if isinstance(newest, asyncio.Future):
        await _keep_up(_ahead.setdefault(loop, deque()), newest)
    return await _langgraphs_own(loop)


async def _keep_up(ahead: deque[asyncio.Future[Any]], newest: asyncio.Future[Any]) -> None:
    if ahead and ahead[-1] is newest:
        # Within a step: a task of it may hold what the checkpoint waits for.
        return
    ahead.append(newest)
    if len(ahead) > _STEPS_AHEAD:
        await asyncio.wait([ahead[0]])
    for checkpoint in ahead:
        if checkpoint.done() and not checkpoint.cancelled():
            # Raises what it failed with.
            checkpoint.result()
    while len(ahead) > 1 and ahead[0].done():
        ahead.popleft()
