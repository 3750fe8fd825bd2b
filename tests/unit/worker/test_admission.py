"""Places for runs."""

from __future__ import annotations

import asyncio

import pytest

from graphwarden.api.registry import Row, RowRun
from graphwarden.worker import marks
from graphwarden.worker.admission import Admission
from graphwarden.worker.errors import ApiError
from graphwarden.worker.graphs import Slot
from graphwarden.worker.metrics import Metrics


def make_slot(limit: int = 10) -> Slot:
    return Slot(Row(assistant_id="echo", module="m", run=RowRun(max_concurrency=limit)))


def refusal(admission: Admission, slot: Slot) -> str:
    with pytest.raises(ApiError) as refused:
        admission.enter(slot)
    assert refused.value.status == 503
    assert refused.value.headers["x-graphwarden-not-started"] == "true"
    return refused.value.reason


def test_a_full_worker_refuses() -> None:
    admission = Admission(2, Metrics("email"))
    admission.enter(make_slot())
    admission.enter(make_slot())
    assert refusal(admission, make_slot()) == "AtCapacity"


def test_a_full_graph_refuses_and_others_do_not() -> None:
    admission, full = Admission(10, Metrics("email")), make_slot(limit=1)
    admission.enter(full)
    assert refusal(admission, full) == "AtCapacity"
    admission.enter(make_slot())
    assert admission.in_flight == 2


def test_a_place_given_back_can_be_taken_again() -> None:
    admission, slot = Admission(1, Metrics("email")), make_slot()
    admission.enter(slot).leave()
    admission.enter(slot)
    assert (admission.in_flight, slot.in_flight) == (1, 1)


def test_a_place_is_given_back_once() -> None:
    admission, slot = Admission(2, Metrics("email")), make_slot()
    place = admission.enter(slot)
    admission.enter(slot)
    place.leave()
    place.leave()
    assert admission.in_flight == 1


def test_a_draining_worker_refuses() -> None:
    admission = Admission(2, Metrics("email"))
    admission.draining = True
    assert refusal(admission, make_slot()) == "Draining"


def test_a_worker_short_of_memory_refuses() -> None:
    admission = Admission(2, Metrics("email"))
    admission.short_of_memory = True
    assert refusal(admission, make_slot()) == "MemoryPressure"


async def test_a_run_that_leaves_a_thread_behind_keeps_its_place_until_that_ends() -> None:
    admission, slot = Admission(1, Metrics("email")), make_slot()
    place = admission.enter(slot)
    mark = marks.begin("echo", "a-run")
    mark.submitted()
    place.leave()
    assert (admission.in_flight, admission.lost, admission.mostly_lost) == (1, 1, True)
    mark.withdrawn()
    await asyncio.sleep(0)
    assert (admission.in_flight, admission.lost, admission.mostly_lost) == (0, 0, False)
