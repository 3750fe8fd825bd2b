"""How the plugin's tables look."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from graphwarden.cli.plugin.status import PoolLine
from graphwarden.cli.plugin.troubles import Finding

_PIPE_WIDTH = 10_000
_UNKNOWN = "?"


def make_console() -> Console:
    """Standard output; where it is no terminal, one object is one line, for grep."""
    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def make_status_table(lines: Sequence[PoolLine], *, everywhere: bool) -> Table:
    """A line per pool. The breaker has a column where the router tells of it."""
    breakers = any(line.breaker for line in lines)
    titles = ["POOL", "READY", "SCALE", "IN FLIGHT", "QUEUED", "GRAPHS"]
    table = _make_table(
        [
            *(["NAMESPACE"] if everywhere else []),
            *titles,
            *(["BREAKER"] if breakers else []),
            "LAST ERROR",
        ]
    )
    for line in lines:
        cells = [
            *([line.namespace] if everywhere else []),
            line.pool,
            f"{line.ready}/{line.wanted}",
            line.bounds or "-",
            _spell_share(line.in_flight, line.limit),
            _spell_share(line.queued, line.max_queued),
            f"{line.loaded}/{line.graphs}",
            *([line.breaker or "-"] if breakers else []),
            _spell_errors(line.errors),
        ]
        table.add_row(*map(Text, cells), style="" if line.is_well else "yellow")
    return table


def make_trouble_table(found: Sequence[Finding], *, everywhere: bool, is_terminal: bool) -> Table:
    """A line per object that is not ready; on a terminal the remedy stands below the message."""
    spaces = ["NAMESPACE"] if everywhere else []
    remedy = [] if is_terminal else ["WHAT TO DO"]
    table = _make_table([*spaces, "OBJECT", "REASON", "MESSAGE", *remedy])
    for finding in found:
        message = " ".join(finding.message.split())
        cells = [
            *([finding.namespace] if everywhere else []),
            f"{finding.kind.lower()}/{finding.name}",
            finding.reason,
            *([f"{message}\n> {finding.remedy}"] if is_terminal else [message, finding.remedy]),
        ]
        # Messages are of exceptions: square brackets in them are no markup.
        table.add_row(*map(Text, cells))
    return table


def _make_table(titles: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in titles:
        wraps = title in ("MESSAGE", "WHAT TO DO", "LAST ERROR")
        table.add_column(title, no_wrap=not wraps, overflow="fold")
    return table


def _spell_share(part: int | None, whole: int | None) -> str:
    if part is None and whole is None:
        return "-"
    return f"{_UNKNOWN if part is None else part}/{_UNKNOWN if whole is None else whole}"


def _spell_errors(errors: Sequence[str]) -> str:
    if not errors:
        return "-"
    first = " ".join(errors[0].split())
    return first if len(errors) == 1 else f"{first} (and {len(errors) - 1} more)"
