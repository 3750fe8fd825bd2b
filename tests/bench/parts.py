"""What a part of a benchmark gives back, and how it is printed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.peers import Peer, PeerMissing

Spread = dict[str, float]


@dataclass
class Part:
    """Figures (one row per subject), goals with whether they were reached, what is not there."""

    title: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[tuple[str, bool]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def find(self, subject: str, name: str, **other: str) -> float | None:
        """A median of a row; None where that was not measured."""
        wanted = {"subject": subject, **other}
        for row in self.rows:
            if all(row.get(key) == value for key, value in wanted.items()):
                value = row[name]
                return float(value["median"] if isinstance(value, dict) else value)
        return None

    def judge(self, words: str, value: float | None, limit: float) -> None:
        """A goal: a value that may not be above a limit. What was not measured is no verdict."""
        if value is not None:
            self.verdicts.append((f"{words}: {value:.3g}, at most {limit:g}", value <= limit))


async def start(
    stack: contextlib.AsyncExitStack,
    subjects: Mapping[str, contextlib.AbstractAsyncContextManager[Peer]],
    missing: dict[str, str],
) -> dict[str, Peer]:
    """Start subjects; those that cannot be had here are told in `missing`."""
    found = {}
    for name, subject in subjects.items():
        try:
            found[name] = await stack.enter_async_context(subject)
        except PeerMissing as reason:
            missing[name] = str(reason)
    return found


def print_part(part: Part) -> None:
    """A table with medians and spread, then the goals."""
    print(f"\n{part.title}")
    if part.rows:
        names = list(dict.fromkeys(name for row in part.rows for name in row))
        cells = [[_show(row.get(name)) for name in names] for row in part.rows]
        widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
        for line in (names, *cells):
            print("  " + "  ".join(_fit(line, widths)))
    for name, reason in part.missing.items():
        print(f"  not measured: {name}: {reason}")
    for words, reached in part.verdicts:
        print(f"  {'reached' if reached else 'MISSED '}  {words}")


def _fit(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(line, widths, strict=True)
    return [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]


def _show(value: Any) -> str:
    match value:
        case None:
            return "-"
        case {"median": median, "min": low, "max": high}:
            return f"{median:.4g} ({low:.4g}-{high:.4g})"
        case float():
            return f"{value:.4g}"
        case _:
            return str(value)
