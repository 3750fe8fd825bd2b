from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwarden.api.fleet import Pool
from graphwarden.api.graphpool import GraphPoolSpec
from graphwarden.api.registry import Registry, Row
from graphwarden.local.changes import (
    Backoff,
    Changes,
    make_backoff_seconds,
    make_environment,
    needs_new_processes,
    plan_changes,
)


def pool(*ids: str, concurrency: int = 10, env: list[dict[str, str]] | None = None) -> Pool:
    spec = GraphPoolSpec.model_validate(
        {"concurrencyPerReplica": concurrency, "worker": {"env": env or []}}
    )
    rows = [Row(assistant_id=i, module="graphs.x") for i in ids]
    return Pool("default", "email", spec, (), Registry(capability="email", graphs=rows))


def test_a_changed_row_reaches_a_running_pool_without_a_new_process() -> None:
    changes = plan_changes({"email": pool("a")}, {"email": pool("a", "b")})
    assert changes == Changes(update=("email",))


def test_a_new_capability_starts_a_pool_and_an_empty_one_stops_it() -> None:
    changes = plan_changes({"email": pool("a")}, {"discovery": pool("a")})
    assert changes == Changes(start=("discovery",), stop=("email",))


@pytest.mark.parametrize(
    "wanted", [pool("a", concurrency=5), pool("a", env=[{"name": "MODEL", "value": "rules"}])]
)
def test_what_a_worker_was_started_with_takes_a_new_process(wanted: Pool) -> None:
    assert plan_changes({"email": pool("a")}, {"email": wanted}) == Changes(replace=("email",))


names = st.dictionaries(st.sampled_from("abc"), st.sampled_from([pool("x"), pool("x", "y")]))


@given(names)
def test_nothing_is_done_for_a_folder_that_did_not_change(pools: dict[str, Pool]) -> None:
    assert plan_changes(pools, dict(pools)) == Changes()


@given(names, names)
def test_starting_and_stopping_leads_to_the_wanted_pools(
    running: dict[str, Pool], wanted: dict[str, Pool]
) -> None:
    changes = plan_changes(running, wanted)
    assert (running.keys() - set(changes.stop)) | set(changes.start) == wanted.keys()


def test_variables_from_secrets_are_left_to_the_users_own_environment() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": "secret"}]
    assert make_environment(pool("a", env=env)) == {"A": "1"}


def test_the_wait_before_a_restart_doubles_up_to_half_a_minute() -> None:
    waits = [make_backoff_seconds(n) for n in range(9)]
    assert waits[:3] == [0.5, 1, 2]
    assert waits == sorted(waits)
    assert waits[-1] == 30


def test_a_program_that_was_up_for_a_minute_is_started_again_as_if_for_the_first_time() -> None:
    backoff = Backoff()
    waits = [backoff.note_end(up_seconds) for up_seconds in (1, 1, 59, 61, 1)]
    assert waits == [0.5, 1, 2, 0.5, 1]


@pytest.mark.parametrize(
    ("changed", "added", "has_failed", "wanted"),
    [
        ({"a/nodes.py"}, set(), False, True),
        (set(), {"b/__init__.py", "b/graphspec.yaml", "b"}, False, False),
        (set(), {"a/missing.py"}, True, True),
        (set(), {"b/graphspec.yaml", "b"}, True, False),
    ],
)
def test_workers_start_anew_for_code_that_they_may_have_imported(
    changed: set[str], added: set[str], has_failed: bool, wanted: bool
) -> None:
    assert needs_new_processes(changed, added, has_failed) is wanted
