"""What LangGraph 1.2 gets wrong and every graph here would meet.

A run that writes each checkpoint before its next step (`durability="sync"`) hands that mode down
to the graphs that its nodes call. One of those that keeps no checkpoints (`checkpointer=False`)
then waits for a write that it never started, and fails with an AttributeError on
`_put_checkpoint_fut`. Here such a graph has nothing to wait for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langgraph.pregel._loop import PregelLoop


class _NothingToWaitFor:
    """A write that is done, for both the awaiting and the blocking loop."""

    def __await__(self) -> Iterator[Any]:
        return iter(())

    def result(self) -> None:
        """Done."""


def mend_langgraph() -> None:
    """Give every loop a first write that is done already. Calling it again changes nothing."""
    PregelLoop._put_checkpoint_fut = _NothingToWaitFor()  # type: ignore[assignment]
