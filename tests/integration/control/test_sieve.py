"""The operator under a few of the faults of `tests/sieve`; `make sieve` goes through them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from sieve.walk import Case, Outcome, compare, walk

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def calm(kubeconfig: Path) -> Outcome:
    """The walk in which nothing goes wrong."""
    return walk(kubeconfig, Case("calm"))


@pytest.mark.parametrize(
    "case",
    [
        Case("killed before write", 5),
        Case("killed after write", 15),
    ],
    ids=str,
)
def test_an_operator_that_is_killed_ends_where_it_would_have_with_as_many_writes(
    kubeconfig: Path, calm: Outcome, case: Case
) -> None:
    found = walk(kubeconfig, case, calm=calm)
    assert found.kills == 1
    assert compare(calm, found) == []
    assert len(found.writes) == len(calm.writes)


@pytest.mark.parametrize("case", [Case("events dropped")], ids=str)
def test_what_the_operator_did_not_see_or_could_not_do_is_made_good(
    kubeconfig: Path, calm: Outcome, case: Case
) -> None:
    assert compare(calm, walk(kubeconfig, case, calm=calm)) == []
