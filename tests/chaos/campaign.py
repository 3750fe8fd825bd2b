"""One round: a database, workers, a client, faults, and the checker's word on what is left."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.checker import check
from chaos.client import Client
from chaos.databases import Database, make_database, small_disk
from chaos.evidence import Evidence, Execution
from chaos.faults import FAULTS, Scene, Trigger
from chaos.fleet import Fleet

logger = logging.getLogger(__name__)

_LONGEST_END_SECONDS = 60.0
_LONGEST_FAULT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Round:
    """What happens, and how often."""

    database: str
    durability: str
    faults: Mapping[str, int]
    seed: int = 0
    workers: int = 3
    conversations: int = 4
    lease_seconds: float = 3.0
    stop_seconds: float = 5.0

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.database} {self.durability} {'+'.join(self.faults)}"


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a round."""

    name: str
    seed: int
    seconds: float
    disturbances: dict[str, int]
    runs: int
    executions: int
    extra_executions: int
    given_up: int
    clients_left: int
    skipped: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def kills(self) -> int:
        """SIGKILLs."""
        return self.disturbances.get("kill", 0) + self.disturbances.get("commit-kill", 0)


@dataclass(slots=True)
class _Stage:
    """What a round is played on."""

    folder: Path
    database: Database
    small: Path | None
    skipped: list[str] = field(default_factory=list)


async def play(round_: Round, server: str | None = None, keep: Path | None = None) -> Report:
    """Play one round. `server` is the DSN of a PostgreSQL server; `keep` takes what it leaves."""
    random.seed(round_.seed)
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        small = None
        if "disk-full" in round_.faults:
            small = stack.enter_context(small_disk(folder / "small"))
        database = make_database(round_.database, small or folder, server)
        return await _play(round_, _Stage(folder, database, small))


async def _play(round_: Round, stage: _Stage) -> Report:
    began = time.monotonic()
    make_effects(stage.folder)
    arguments = (
        *("--lease-seconds", str(round_.lease_seconds), "--drain-seconds", "0.1"),
        *("--blocked-loop-limit-seconds", "1000", "--database-pool-size", "4"),
    )
    fleet = Fleet(stage.folder, stage.database.url, arguments, round_.workers)
    trigger = Trigger(fleet, asyncio.get_running_loop())
    trigger.start()
    leaves = 0.5 if "client-gone" in round_.faults else 0.0
    client = Client(fleet, round_.durability, leaves)
    try:
        await fleet.open()
        undisturbed = _shape(await client.fetch_state(await client.converse()))
        scene = Scene(fleet, stage.database, trigger, stage.small, round_.stop_seconds)
        stuck = await _disturb(round_, scene, client, stage.skipped)
        states = {
            accepted.thread: _shape(await client.fetch_state(accepted.thread))
            for accepted in client.accepted
        }
    finally:
        await client.close()
        await fleet.close()
        trigger.close()
    evidence = _gather(round_, stage, fleet, client, states, undisturbed)
    findings = check(evidence)
    return Report(
        round_.name,
        round_.seed,
        round(time.monotonic() - began, 1),
        dict(Counter(d.kind for d in fleet.disturbances)),
        findings.runs,
        findings.executions,
        findings.extra_executions,
        findings.given_up,
        client.left,
        tuple(stage.skipped),
        (*stuck, *findings.problems),
    )


async def _disturb(
    round_: Round, scene: Scene, client: Client, skipped: list[str]
) -> tuple[str, ...]:
    """All faults in a chance order, then quiet until every conversation has ended."""
    stop = asyncio.Event()
    talks = [asyncio.create_task(client.converse_until(stop)) for _ in range(round_.conversations)]
    order = [name for name, times in round_.faults.items() for _ in range(times)]
    random.shuffle(order)
    try:
        for name in order:
            logger.info("%s", name)
            if name == "disk-full" and scene.small is None:
                skipped.append("disk-full: no small file system can be mounted here")
            else:
                async with asyncio.timeout(_LONGEST_FAULT_SECONDS + scene.stop_seconds):
                    await FAULTS[name](scene)
        stop.set()
        _, late = await asyncio.wait(talks, timeout=_LONGEST_END_SECONDS)
        return (f"{len(late)} conversations did not end",) if late else ()
    finally:
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def make_effects(folder: Path) -> None:
    """The table of keyed effects."""
    with closing(sqlite3.connect(folder / "effects.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(
            "CREATE TABLE effects (run TEXT, node TEXT, request TEXT, PRIMARY KEY (run, node))"
        )


def _gather(
    round_: Round,
    stage: _Stage,
    fleet: Fleet,
    client: Client,
    states: dict[str, Any],
    undisturbed: Any,
) -> Evidence:
    lines = (stage.folder / "journal").read_text().splitlines()
    with closing(sqlite3.connect(stage.folder / "effects.sqlite")) as connection:
        effects = connection.execute("SELECT run, node, request FROM effects").fetchall()
    return Evidence(
        executions=[Execution(**json.loads(line)) for line in lines],
        effects=effects,
        disturbances=fleet.disturbances,
        accepted=client.accepted,
        runs=stage.database.read_runs(),
        checkpoints=stage.database.read_checkpoints(),
        events=stage.database.read_events(),
        states=states,
        undisturbed=undisturbed,
        durability=round_.durability,
    )


def _shape(values: dict[str, Any] | None) -> Any:
    """What is the same in every conversation."""
    return None if values is None else {key: values.get(key) for key in ("done", "inner")}
