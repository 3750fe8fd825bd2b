"""A worker is killed under a call that goes through the router."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from contract.fleet import running_fleet
from worker_process import WorkerProcess, make_row, until

ROWS = [make_row("steps", "build_graph", module="flows.steps", resumable=True)]


async def test_a_call_that_is_sent_again_with_its_key_gets_the_result_of_the_lost_run(
    fleet_database: str, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    body = {
        "assistant_id": "steps",
        "input": {"effects": str(tmp_path / "effects"), "gate": str(gate)},
        "if_not_exists": "create",
    }

    async def waiting() -> bool:
        return Path(f"{gate}.waiting").exists()

    async with (
        running_fleet(
            tmp_path, {"p": ROWS}, database_url=fleet_database, workers={"p": 2}
        ) as fleet,
        httpx.AsyncClient(base_url=fleet.url, timeout=30) as http,
    ):
        headers = {"idempotency-key": "order-7"}
        path = "/threads/deal-1/runs/wait"
        calling = asyncio.create_task(http.post(path, json=body, headers=headers))
        await until(waiting)
        await (await _find_holder(fleet.pools["p"])).kill()
        gate.touch()
        try:
            answer = await calling
        except httpx.RemoteProtocolError:
            # Its answer had begun; the router cannot take that back.
            answer = await http.post(path, json=body, headers=headers)
        runs = (await http.get("/threads/deal-1/runs")).json()
    assert answer.status_code == 200, answer.text
    assert answer.json()["done"] == ["first", "second", "third"]
    assert len(runs) == 1
    assert (tmp_path / "effects").read_text().split() == ["first", "second", "third"]


async def _find_holder(workers: list[WorkerProcess]) -> WorkerProcess:
    for worker in workers:
        if (await worker.http.get("/graphs")).json()["in_flight"]:
            return worker
    raise AssertionError("no worker has a run")
