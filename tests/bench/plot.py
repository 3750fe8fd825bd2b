"""A bar chart of results, as SVG.

    PYTHONPATH=tests .venv/bin/python -m bench.plot dist/bench-router.json docs/images/router.svg

One panel per part: CPU per call, added latency, memory per call. Bars are medians on a logarithmic
scale, lines their spread, the dashed line is the goal.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

_WIDTH, _LABEL, _BAR, _GAP, _HEAD = 860, 230, 18, 8, 54
_OURS, _OTHERS, _INK = "#3465a4", "#a9b4c2", "#333"


@dataclass(frozen=True)
class Panel:
    """What of a part is shown: a column of its rows, its unit and its goal."""

    part: str
    column: str
    title: str
    goal: float


PANELS = (
    Panel("P1", "cpu_us", "CPU per call of 1 KB, µs", 40),
    Panel("P3", "cpu_us", "CPU per call of 220 KB, µs", 200),
    Panel("P2", "added_p50_us", "latency added at 30 % of saturation, p50, µs", 150),
    Panel("P4", "kib_per_call", "memory of a waiting call, KiB", 10),
)
# Name, median, lowest, highest.
Bar = tuple[str, float, float, float]


def draw(parts: dict[str, Any], panels: Sequence[Panel] = PANELS) -> str:
    """The chart of the parts that are there."""
    pieces, top = [], 0
    for panel in panels:
        bars = _read(parts.get(panel.part, {}).get("rows", []), panel.column)
        if bars:
            pieces.append(f'<g transform="translate(0 {top})">{_draw(panel, bars)}</g>')
            top += _HEAD + len(bars) * (_BAR + _GAP) + _GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}"'
    style = f'font-family="sans-serif" font-size="12" fill="{_INK}"'
    return f'{head} {style}><rect width="100%" height="100%" fill="#fff"/>{"".join(pieces)}</svg>\n'


def _read(rows: Sequence[dict[str, Any]], column: str) -> list[Bar]:
    found = [(row["subject"], row[column]) for row in rows if isinstance(row.get(column), dict)]
    return [(name, one["median"], one["min"], one["max"]) for name, one in found]


def _draw(panel: Panel, bars: Sequence[Bar]) -> str:
    values = [value for bar in bars for value in bar[1:] if value > 0]
    low = 10 ** math.floor(math.log10(min(*values, panel.goal)))
    high = max(*values, panel.goal)

    def place(value: float) -> float:
        share = math.log(max(value, low) / low) / math.log(high / low)
        return _LABEL + share * (_WIDTH - _LABEL - 70)

    height = _HEAD + len(bars) * (_BAR + _GAP)
    pieces = [f'<text x="8" y="28" font-size="14" font-weight="bold">{escape(panel.title)}</text>']
    for number, (name, median, least, most) in enumerate(bars):
        y = _HEAD - 8 + number * (_BAR + _GAP)
        middle = y + _BAR / 2
        color = _OURS if name.startswith("graphwarden") else _OTHERS
        width = max(1.0, place(median) - _LABEL)
        pieces += [
            f'<text x="{_LABEL - 8}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{color}"/>',
            f'<line x1="{place(least):.1f}" x2="{place(most):.1f}" y1="{middle}" y2="{middle}" '
            f'stroke="{_INK}"/>',
            f'<text x="{max(place(most), place(median)) + 6:.1f}" y="{middle + 4}">'
            f"{median:.3g}</text>",
        ]
    goal = f"{place(panel.goal):.1f}"
    pieces += [
        f'<line x1="{goal}" x2="{goal}" y1="{_HEAD - 14}" y2="{height - 4}" stroke="#c00" '
        'stroke-dasharray="4 3"/>',
        f'<text x="{goal}" y="{_HEAD - 18}" text-anchor="middle" fill="#c00">'
        f"goal {panel.goal:g}</text>",
    ]
    return "".join(pieces)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, help="what bench.router wrote")
    parser.add_argument("svg", type=Path)
    asked = parser.parse_args()
    asked.svg.parent.mkdir(parents=True, exist_ok=True)
    asked.svg.write_text(draw(json.loads(asked.result.read_text())["parts"]))


if __name__ == "__main__":
    main()
