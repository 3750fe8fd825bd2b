"""Two operators on one namespace, as a node that is cut off may leave them: they must agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integration.control.conftest import OperatorProcess, wait_for
from sieve.workload import take_picture

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PATIENCE_SECONDS = 60.0


def test_two_operators_at_a_time_come_to_the_same_and_then_to_rest(
    kubeconfig: Path, api: Any, tmp_path: Path, make_graph: Any, make_graphpool: Any
) -> None:
    one, other = (OperatorProcess(kubeconfig, api, _make(tmp_path / name)) for name in "ab")
    with one.running(), other.running():
        for name in ("a", "b", "c"):
            api.apply(make_graph(name))
        api.apply(make_graphpool(scaling={"maxReplicas": 4}))
        api.apply(make_graph("d", capability="letters"))
        api.delete("GraphSpec", "c")
        _rest(api, one, other)
        together = take_picture(api)
        writes = one.count_writes() + other.count_writes()
        _rest(api, one, other)
        assert one.count_writes() + other.count_writes() == writes
    with one.running():
        _rest(api, one)
        assert one.count_writes() == 0
        assert take_picture(api) == together
    settings = together["HorizontalPodAutoscaler/graphpool-email"][1]
    assert settings["maxReplicas"] == 4
    assert "Deployment/graphpool-letters" in together
    assert together["GraphSpec/b"]["Accepted"][0] == "True"


def _make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _rest(api: Any, *programs: OperatorProcess) -> None:
    """Wait until every spec is observed and each operator has looked twice without a write."""

    def observed() -> bool:
        bodies = [*api.list("GraphSpec"), *api.list("GraphPool")]
        return all(
            body.get("status", {}).get("observedGeneration") == body["metadata"]["generation"]
            for body in bodies
        )

    wait_for(observed, "the status of every spec", PATIENCE_SECONDS)
    quiet = 0
    while quiet < 2:
        writes = sum(program.count_writes() for program in programs)
        for program in programs:
            passes = program.count_passes()
            patch = {"metadata": {"annotations": {"tests/nudge": str(passes)}}}
            api.patch("GraphSpec", "a", patch, manager="nudge")
            wait_for(lambda p=program, n=passes: p.count_passes() > n, "a pass", PATIENCE_SECONDS)
        quiet = quiet + 1 if sum(program.count_writes() for program in programs) == writes else 0
