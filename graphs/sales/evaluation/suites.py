"""What is evaluated: a graph that gives labels, and the examples beside it.

A graph folder with an `evaluation.py` that holds a `SUITE` takes part; nothing else names it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import graphs
from graphs.sales.evaluation.examples import Example, Part, read_examples


@dataclass(frozen=True)
class Suite:
    """`output` is the key of the label in the graph's output. `files` names those of the graph's
    folder, and the part that all of a file belong to; None splits a file by its ids.

    `keywords` is the baseline a person would write in ten minutes: the first label of which a word
    occurs, in this order, else the commonest label. `text` are the keys of the input that it reads.
    """

    graph: Any
    folder: Path
    labels: Sequence[str]
    keywords: Mapping[str, Sequence[str]]
    text: Sequence[str]
    output: str = "label"
    files: Mapping[str, Part | None] = field(default_factory=lambda: {"examples.jsonl": None})

    @property
    def name(self) -> str:
        """The assistant id of the graph."""
        return str(self.graph.name)

    def read(self) -> list[Example]:
        """Every example of every file."""
        return [
            example
            for name, part in self.files.items()
            for example in read_examples(self.folder / name, self.labels, part)
        ]

    async def answer(self, given: Mapping[str, Any]) -> str:
        """The label that the graph gives to one input, by rules or by the model of MODEL."""
        return str((await self.graph.ainvoke(dict(given)))[self.output])


def list_suites() -> Iterator[Suite]:
    """The suite of each graph folder that has one, in the order of their names."""
    for found in sorted(pkgutil.iter_modules(graphs.__path__), key=lambda module: module.name):
        if found.ispkg and (Path(graphs.__path__[0]) / found.name / "evaluation.py").is_file():
            yield importlib.import_module(f"graphs.{found.name}.evaluation").SUITE
