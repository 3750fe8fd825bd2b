"""Threads change hands: begun, queued, claimed, taken over, fenced off."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graphwarden.worker.idempotency import KEY_KEPT
from graphwarden.worker.runs import Outcome, Run, finish_run
from graphwarden.worker.storage.database import Storage
from graphwarden.worker.storage.fence import Fence, FencedOff
from graphwarden.worker.storage.hands import (
    Busy,
    Found,
    NoThread,
    Owned,
    Queued,
    Repeated,
    Suspect,
    ThreadEnd,
)

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)


def make_run(number: int = 1, **changes: Any) -> Run:
    run = Run(f"run-{number}", "deal-1", "reply", "uuid", {}, f"digest-{number}", NOW, NOW)
    return replace(run, **changes)


async def begin(storage: Storage, run: Run, **options: Any) -> Any:
    return await storage.ownership.begin(
        run, **{"create_thread": True, "attached": True, **options}
    )


async def finish(storage: Storage, owned: Owned) -> None:
    ended = finish_run(owned.run, Outcome("success"), datetime.now(UTC))
    await storage.ownership.finish(owned, ended, ThreadEnd("idle", {"foo": 1}))


async def status_of(storage: Storage, number: int = 1) -> str | None:
    run = await storage.runs.find_run(f"run-{number}")
    return run.status if run is not None else None


async def test_a_run_on_a_free_thread_starts_at_once(ours: Storage) -> None:
    owned = await begin(ours, make_run())
    assert isinstance(owned, Owned)
    assert (owned.run.status, owned.run.attempt, owned.fence) == ("running", 1, Fence("deal-1", 1))


async def test_a_missing_thread_is_only_made_where_that_is_wished(ours: Storage) -> None:
    with pytest.raises(NoThread):
        await begin(ours, make_run(), create_thread=False)


async def test_a_second_run_waits_and_is_claimed_when_the_first_has_ended(ours: Storage) -> None:
    first = await begin(ours, make_run(1))
    assert isinstance(await begin(ours, make_run(2)), Queued)
    assert await ours.claims.claim_for(["reply"], ["deal-1"]) == []
    await finish(ours, first)
    (claimed,) = await ours.claims.claim_for(["reply"], ["deal-1"])
    assert (claimed.run.run_id, claimed.fence.token) == ("run-2", 2)


async def test_runs_are_claimed_in_the_order_they_came(ours: Storage) -> None:
    for number in (1, 2, 3):
        await begin(ours, make_run(number), attached=False)
    seen = []
    while claimed := await ours.claims.claim(["reply"], 10):
        seen += [owned.run.run_id for owned in claimed]
        await finish(ours, claimed[0])
    assert seen == ["run-1", "run-2", "run-3"]


async def test_a_run_that_somebody_waits_for_is_left_to_its_worker(
    ours: Storage, theirs: Storage
) -> None:
    first = await begin(ours, make_run(1))
    await begin(ours, make_run(2))
    await finish(ours, first)
    assert await theirs.claims.claim(["reply"], 10) == []


async def test_two_workers_never_claim_the_same_run(ours: Storage, theirs: Storage) -> None:
    for number in range(20):
        run = make_run(number, thread_id=f"deal-{number}")
        await begin(ours, run, attached=False)
    claimed = await asyncio.gather(
        *(storage.claims.claim(["reply"], 3) for storage in (ours, theirs) * 6)
    )
    names = [owned.run.run_id for batch in claimed for owned in batch]
    assert len(names) == len(set(names))


async def test_a_run_of_a_graph_that_is_not_here_is_left_alone(ours: Storage) -> None:
    await begin(ours, make_run(), attached=False)
    assert await ours.claims.claim(["other"], 10) == []


async def test_a_caller_that_does_not_wait_is_told_so_and_nothing_is_stored(ours: Storage) -> None:
    await begin(ours, make_run(1))
    assert isinstance(await begin(ours, make_run(2, multitask_strategy="reject")), Busy)
    assert await status_of(ours, 2) is None


async def test_an_interrupting_run_ends_what_waits_and_asks_what_runs(ours: Storage) -> None:
    await begin(ours, make_run(1))
    await begin(ours, make_run(2))
    await begin(ours, make_run(3, multitask_strategy="interrupt"))
    assert await status_of(ours, 2) == "interrupted"
    mine = ours.identity.worker_id
    assert await ours.runs.list_cancelled(mine) == [("run-1", "interrupt")]


async def test_a_rolling_back_run_removes_what_waits(ours: Storage) -> None:
    await begin(ours, make_run(1))
    await begin(ours, make_run(2))
    await begin(ours, make_run(3, multitask_strategy="rollback"))
    assert await status_of(ours, 2) is None


async def test_a_run_for_later_waits_for_its_time_and_lets_others_pass(ours: Storage) -> None:
    later = make_run(1, not_before=NOW + timedelta(hours=1))
    assert isinstance(await begin(ours, later), Queued)
    assert isinstance(await begin(ours, make_run(2)), Owned)


async def test_what_a_dead_worker_ran_waits_for_others(ours: Storage, theirs: Storage) -> None:
    owned = await begin(theirs, make_run(1))
    await begin(theirs, make_run(2))
    assert await ours.workers.take_over(theirs.identity.worker_id) == 2
    (claimed,) = await ours.claims.claim(["reply"], 10)
    assert (claimed.run.run_id, claimed.run.attempt, claimed.fresh) == ("run-1", 2, False)
    assert claimed.fence.token > owned.fence.token


async def test_a_dead_workers_run_that_cannot_go_on_ends_with_an_error(
    ours: Storage, theirs: Storage
) -> None:
    await begin(theirs, make_run(resumable=False))
    await ours.workers.take_over(theirs.identity.worker_id)
    run = await ours.runs.find_run("run-1")
    thread = await ours.records.fetch_thread("deal-1")
    assert run is not None
    assert thread is not None
    assert (run.status, (run.error or {})["error"], thread.status) == (
        "error",
        "WorkerLost",
        "error",
    )


async def test_a_worker_that_was_taken_over_stores_no_end(ours: Storage, theirs: Storage) -> None:
    owned = await begin(theirs, make_run())
    await ours.workers.take_over(theirs.identity.worker_id)
    with pytest.raises(FencedOff):
        await finish(theirs, owned)
    assert await status_of(ours) == "pending"


async def test_a_worker_that_was_taken_over_stores_no_event(ours: Storage, theirs: Storage) -> None:
    owned = await begin(theirs, make_run())
    await theirs.events.append(owned.fence, "run-1", [("values", "1")])
    await ours.workers.take_over(theirs.identity.worker_id)
    with pytest.raises(FencedOff):
        await theirs.events.append(owned.fence, "run-1", [("values", "2")])
    assert [event.data for event in await ours.events.read_run("run-1", 0)] == ["1"]


async def test_a_worker_that_was_taken_over_gives_nothing_back(
    ours: Storage, theirs: Storage
) -> None:
    owned = await begin(theirs, make_run())
    await ours.workers.take_over(theirs.identity.worker_id)
    (claimed,) = await ours.claims.claim(["reply"], 10)
    await theirs.ownership.hand_back(owned, orphaned=False)
    await theirs.ownership.let_go(owned.fence)
    await finish(ours, claimed)
    assert await status_of(ours) == "success"


async def test_a_worker_that_was_taken_over_notices_by_its_heartbeat(
    ours: Storage, theirs: Storage
) -> None:
    assert await theirs.workers.beat(theirs.identity.worker_id)
    await ours.workers.take_over(theirs.identity.worker_id)
    assert not await theirs.workers.beat(theirs.identity.worker_id)
    await theirs.become_another()
    assert await theirs.workers.beat(theirs.identity.worker_id)


async def test_the_same_call_finds_the_run_whose_caller_was_lost(
    ours: Storage, theirs: Storage
) -> None:
    await begin(theirs, make_run(1))
    await ours.workers.take_over(theirs.identity.worker_id)
    again = make_run(2, kwargs_digest="digest-1")
    assert isinstance(await begin(ours, again), Found)
    (claimed,) = await ours.claims.claim(["reply"], 10)
    await finish(ours, claimed)
    found = await begin(ours, again)
    assert isinstance(found, Found)
    assert (found.run.run_id, found.run.status) == ("run-1", "success")


async def test_a_lost_result_is_given_once(ours: Storage, theirs: Storage) -> None:
    await begin(theirs, make_run(1))
    await ours.workers.take_over(theirs.identity.worker_id)
    await ours.ownership.adopt("run-1")
    (claimed,) = await ours.claims.claim(["reply"], 10)
    await finish(ours, claimed)
    assert isinstance(await begin(ours, make_run(2, kwargs_digest="digest-1")), Owned)


async def test_the_same_call_elsewhere_makes_its_worker_suspect_until_it_is_trusted(
    ours: Storage, theirs: Storage
) -> None:
    await begin(theirs, make_run(1))
    again = make_run(2, kwargs_digest="digest-1")
    assert isinstance(await begin(ours, again), Suspect)
    trusted = [theirs.identity.worker_id]
    assert isinstance(await begin(ours, again, trusted=trusted), Queued)


async def test_a_living_worker_is_seen_alive_and_a_closed_one_dead(
    ours: Storage, theirs: Storage
) -> None:
    assert await ours.liveness.lives(ours.identity.worker_id)
    if ours.kind == "postgresql":
        assert await ours.liveness.lives(theirs.identity.worker_id)
        await theirs.liveness.close()
        async with asyncio.timeout(5):
            while await ours.liveness.lives(theirs.identity.worker_id):
                await asyncio.sleep(0.02)
    assert not await ours.liveness.lives("nobody-1")


async def test_events_are_numbered_over_all_runs_of_a_thread(ours: Storage) -> None:
    first = await begin(ours, make_run(1))
    one = await ours.events.append(first.fence, "run-1", [("a", "1"), ("b", "2")])
    await finish(ours, first)
    second = await begin(ours, make_run(2))
    two = await ours.events.append(second.fence, "run-2", [("c", "3")])
    assert [event.seq for event in [*one, *two]] == [1, 2, 3]
    assert [event.seq for event in await ours.events.read_thread("deal-1", 1)] == [2, 3]


async def test_a_thread_is_held_for_an_edit_and_no_run_starts_meanwhile(ours: Storage) -> None:
    owned = await begin(ours, make_run(1))
    assert await ours.ownership.hold("deal-1") is None
    await finish(ours, owned)
    fence = await ours.ownership.hold("deal-1")
    assert fence is not None
    assert isinstance(await begin(ours, make_run(2)), Queued)
    await ours.ownership.let_go(fence)
    assert len(await ours.claims.claim_for(["reply"], ["deal-1"])) == 1


async def test_a_lost_run_that_waits_for_its_next_try_is_not_overtaken_on_its_thread(
    ours: Storage, theirs: Storage
) -> None:
    await begin(theirs, make_run(1, stalls=2), attached=False)
    await theirs.claims.claim(["reply"], 1)
    await ours.workers.take_over(theirs.identity.worker_id)
    await begin(ours, make_run(2), attached=False)
    assert await ours.claims.claim(["reply"], 10) == []


async def test_a_key_is_good_for_one_run(ours: Storage, theirs: Storage) -> None:
    await begin(ours, make_run(1, idempotency_key="key"))
    repeated = await begin(theirs, make_run(2, idempotency_key="key"))
    assert (type(repeated), repeated.run.run_id) == (Repeated, "run-1")


async def test_an_old_key_is_free_again(ours: Storage) -> None:
    await begin(ours, make_run(1, idempotency_key="key"))
    later = NOW + KEY_KEPT
    second = make_run(2, idempotency_key="key", created_at=later, thread_id="deal-2")
    assert isinstance(await begin(ours, second), Owned)
