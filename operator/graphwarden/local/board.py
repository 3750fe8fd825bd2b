"""What `graphwarden up` shows: a live table on a terminal, one line per change elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from graphwarden.local.routes import GraphLine

_STYLES = {"ready": "green", "loading": "yellow", "failed": "red", "refused": "red"}


class Board(Protocol):
    """Shows the fleet."""

    def show(self, lines: Sequence[GraphLine]) -> None:
        """Show the graphs as they are now."""

    def say(self, text: str) -> None:
        """Tell the user something."""

    def close(self) -> None:
        """Leave the last state standing."""


class LineBoard:
    """For logs and pipes: each graph when its state changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[tuple[str, str, str], GraphLine] = {}

    def show(self, lines: Sequence[GraphLine]) -> None:
        """Print the graphs whose state is another one than last time."""
        now = {(line.pool, line.assistant_id, line.message): line for line in lines}
        for key, line in now.items():
            if self._shown.get(key) != line:
                self.say(_spell(line))
        gone = {(k[0], k[1]) for k in self._shown} - {(k[0], k[1]) for k in now}
        for pool, assistant_id in sorted(gone):
            self.say(f"{assistant_id} ({pool}): removed")
        self._shown = now

    def say(self, text: str) -> None:
        """Print a line, unwrapped."""
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)

    def close(self) -> None:
        """Nothing stands open."""


class TableBoard:
    """For a terminal: one table that is redrawn."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._live.start()

    def show(self, lines: Sequence[GraphLine]) -> None:
        """Draw the table anew."""
        table = Table(box=None, pad_edge=False)
        for title in ("ASSISTANT", "POOL", "STATE", "MESSAGE"):
            table.add_column(title)
        for line in lines:
            state = Text(line.state, style=_STYLES[line.state])
            # Messages are of exceptions: square brackets in them are no markup.
            table.add_row(Text(line.assistant_id), Text(line.pool), state, Text(_explain(line)))
        self._live.update(table, refresh=True)

    def say(self, text: str) -> None:
        """Print above the table."""
        self._live.console.print(text, soft_wrap=True, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the last table standing."""
        self._live.stop()


def make_board(console: Console) -> Board:
    """The board that suits where the output goes."""
    return TableBoard(console) if console.is_terminal else LineBoard(console)


def _explain(line: GraphLine) -> str:
    return ": ".join(part for part in (line.reason, line.message) if part)


def _spell(line: GraphLine) -> str:
    detail = _explain(line)
    return f"{line.assistant_id} ({line.pool}): {line.state}" + (f", {detail}" if detail else "")
