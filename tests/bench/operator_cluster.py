"""On a cluster: from `apply` of a GraphSpec to its first answer; how soon an operator is back.

    PYTHONPATH=tests .venv/bin/python -m bench.operator_cluster [--rounds 20] [--json FILE]

It needs the release that `GRAPHWARDEN_E2E_KEEP=1 pytest tests/e2e/test_fleet.py` leaves behind.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import httpx

from bench.machine import describe_machine
from e2e.calls import make_run
from e2e.cluster import reach_router
from e2e.kube import HOME, Kube, make_graphspec

OPERATOR = "app.kubernetes.io/name=graphwarden-operator"


def measure_first_answer(kube: Kube, router: httpx.Client, index: int) -> float:
    """Seconds from the end of `kubectl apply` to the first 200."""
    name = f"bench-{index}"
    call = {**make_run("email_reply"), "assistant_id": name}
    kube.apply(make_graphspec(name, name, "email"))
    began = time.monotonic()
    while router.post("/runs/wait", json=call).status_code != 200:
        if time.monotonic() - began > 60:
            raise TimeoutError(f"{name} does not answer")
        time.sleep(0.01)
    return time.monotonic() - began


def measure_operator(kube: Kube, *how: str) -> float:
    """Seconds from `kubectl delete pod` of the operator to one that is in step."""
    before = {pod["metadata"]["uid"] for pod in kube.list("pods", OPERATOR)}
    began = time.monotonic()
    kube.kubectl("delete", "pod", "-l", OPERATOR, "--wait=false", *how)
    while True:
        for pod in kube.list("pods", OPERATOR):
            ready = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
            if pod["metadata"]["uid"] not in before and ready.get("Ready") == "True":
                return time.monotonic() - began
        if time.monotonic() - began > 120:
            raise TimeoutError("the operator is not back")
        time.sleep(0.05)


def render(what: str, seconds: list[float]) -> str:
    """One line for people."""
    ordered = sorted(seconds)
    return (
        f"{what}: p50 {statistics.median(ordered):.2f} s, "
        f"{ordered[0]:.2f} to {ordered[-1]:.2f} s ({len(ordered)} times)"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kube = Kube(str(HOME / "run/admin.conf"))
    restarts = _count_restarts(kube)
    found: dict[str, Any] = {}
    with reach_router(kube) as url, httpx.Client(base_url=url, timeout=30) as router:
        found["apply to first answer"] = [
            measure_first_answer(kube, router, index) for index in range(options.rounds)
        ]
    kube.delete("graphspec", *(f"bench-{index}" for index in range(options.rounds)))
    assert _count_restarts(kube) == restarts, "a worker was restarted"
    found["operator told to leave"] = [measure_operator(kube) for _ in range(5)]
    found["operator killed"] = [
        measure_operator(kube, "--force", "--grace-period=0") for _ in "12345"
    ]
    for what, seconds in found.items():
        print(render(what, seconds))
    if options.json:
        options.json.write_text(json.dumps({"machine": describe_machine(), **found}, indent=1))


def _count_restarts(kube: Kube) -> dict[str, int]:
    return {
        pod["metadata"]["uid"]: sum(c["restartCount"] for c in pod["status"]["containerStatuses"])
        for pod in kube.pods("email")
    }


if __name__ == "__main__":
    main()
