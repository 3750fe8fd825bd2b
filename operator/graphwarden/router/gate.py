"""A gate that is open most of the time: nothing is made for it until somebody has to wait."""

from __future__ import annotations

import asyncio


class Gate:
    """Like `asyncio.Event`, without the queue that each of those carries: half a kilobyte."""

    __slots__ = ("_opening", "is_open")

    def __init__(self) -> None:
        self.is_open = True
        self._opening: asyncio.Future[None] | None = None

    def close(self) -> None:
        """Have those wait who come from now on."""
        self.is_open = False

    def open(self) -> None:
        """Let all go on."""
        self.is_open = True
        opening, self._opening = self._opening, None
        if opening is not None and not opening.done():
            opening.set_result(None)

    async def wait(self) -> None:
        """Go on when it is open."""
        while not self.is_open:
            if self._opening is None:
                self._opening = asyncio.get_running_loop().create_future()
            # One waiter that is cancelled must not end the others' wait.
            await asyncio.shield(self._opening)
