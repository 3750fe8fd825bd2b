"""What the reference server answered, and what a fleet of ours answers to the same calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contract.differences import find_outdated, find_unknown
from contract.fleet import Fleet, running_fleet
from contract.replay import MORE, read_json, read_trace
from contract.replay_gaps import UNKNOWN_REQUESTS
from contract.replay_session import TRACES, Replay
from worker_process import make_row

pytestmark = [
    pytest.mark.contract,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(180),
]


def _make_row(graph: str, **other: Any) -> dict[str, Any]:
    return make_row(graph, module="flows.reference", resumable=True, **other)


POOLS = {
    "left": [_make_row("echo"), _make_row("chat"), _make_row("hitl"), _make_row("err")],
    "right": [
        _make_row("slow"),
        _make_row("parent"),
        _make_row("factory", description="a factory graph"),
    ],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(
    fleet_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    """The graphs of the reference, in two pools."""
    folder = tmp_path_factory.mktemp("fleet")
    async with running_fleet(
        folder, POOLS, database_url=fleet_database, workers={"right": 2}
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replay(fleet: Fleet) -> Replay:
    """All transcripts, made again through the router."""
    async with httpx.AsyncClient(base_url=fleet.url, timeout=40) as http:
        replay = Replay(http)
        for trace in TRACES:
            await replay.run(trace)
    return replay


async def test_every_difference_from_the_reference_has_a_reason(replay: Replay) -> None:
    unknown = find_unknown(replay.differences)
    assert not unknown, "\n" + "\n".join(unknown)


async def test_no_reason_is_kept_for_a_difference_that_is_gone(replay: Replay) -> None:
    assert find_outdated(replay.differences) == []


async def test_every_call_whose_request_is_known_was_made(replay: Replay) -> None:
    recorded = [call.name for trace in TRACES for call in read_trace(trace)]
    assert len(recorded) > 180
    assert replay.sent == [name for name in recorded if name not in UNKNOWN_REQUESTS]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":1,"b":"x', {"a": 1, MORE: None}),
        ('[{"a":[1,2', [{"a": [1, MORE], MORE: None}, MORE]),
        ('{"a":{"b":"}\\""},"c"', {"a": {"b": '}"'}, MORE: None}),
        ("[", [MORE]),
    ],
)
async def test_an_answer_that_was_cut_is_read_as_far_as_it_goes(text: str, value: Any) -> None:
    assert read_json(text) == value
