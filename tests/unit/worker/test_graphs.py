"""Slots of graphs: what is told when all of them are loaded."""

from __future__ import annotations

import asyncio

import pytest

from graphwarden.api.registry import Registry
from graphwarden.worker import graphs
from graphwarden.worker.graphs import Graphs
from graphwarden.worker.metrics import Metrics


def make_registry(*names: str) -> Registry:
    rows = [{"assistant_id": name, "module": "nowhere.at_all"} for name in names]
    return Registry.model_validate({"version": 1, "capability": "email", "graphs": rows})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(graphs, "_QUIET_SECONDS", 0.05)
    return []


def make_graphs(told: list[int]) -> Graphs:
    made = Graphs(Metrics("email"))
    made.on_quiet = lambda: told.append(len(made.slots))
    return made


async def test_that_loading_is_over_is_told_once_for_all(told: list[int]) -> None:
    made = make_graphs(told)
    made.apply(make_registry("a", "b", "c"))
    await asyncio.sleep(0.5)
    assert told == [3]


async def test_it_is_told_again_after_a_change(told: list[int]) -> None:
    made = make_graphs(told)
    made.apply(make_registry("a", "b"))
    await asyncio.sleep(0.5)
    made.apply(make_registry("a"))
    await asyncio.sleep(0.5)
    assert told == [2, 1]
