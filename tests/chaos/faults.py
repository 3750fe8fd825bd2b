"""What is done to workers and their database. Each fault is over when its function returns."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from chaos.databases import Database, Postgres, full_disk
from chaos.fleet import Fleet

_LONGEST_COMMIT_SECONDS = 0.004
_FULL_SECONDS = 0.8


@dataclass(slots=True)
class Scene:
    """What a fault may act on."""

    fleet: Fleet
    database: Database
    trigger: Trigger
    small: Path | None = None
    stop_seconds: float = 5.0

    def choose_place(self) -> int:
        """Of some worker."""
        return random.choice(list(self.fleet.workers))


class Trigger(threading.Thread):
    """Signals the worker whose node says that it returns, within the commit of what it wrote.

    A thread of its own: the event loop would be too late by more than a commit takes.
    """

    def __init__(self, fleet: Fleet, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(daemon=True)
        self._fleet = fleet
        self._loop = loop
        self._armed: asyncio.Future[tuple[int, float]] | None = None
        self._number = signal.SIGKILL
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(fleet.folder / "returning"))

    def arm(self, number: signal.Signals) -> asyncio.Future[tuple[int, float]]:
        """Signal the next one: its place, and when."""
        self._number = number
        self._armed = self._loop.create_future()
        return self._armed

    def run(self) -> None:
        """Listen until the socket is closed."""
        while name := self._socket.recv(64).decode():
            armed = self._armed
            if armed is None:
                continue
            place = next((p for p, w in self._fleet.workers.items() if w.name == name), None)
            if place is None:
                continue
            self._armed = None
            time.sleep(random.uniform(0, _LONGEST_COMMIT_SECONDS))
            since = time.time()
            self._fleet.workers[place].send(self._number)
            self._loop.call_soon_threadsafe(armed.set_result, (place, since))

    def close(self) -> None:
        """End the thread."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
            teller.sendto(b"", str(self._fleet.folder / "returning"))
        self.join()
        self._socket.close()


async def kill_at_random(scene: Scene) -> None:
    """SIGKILL, whatever the worker is doing."""
    await asyncio.sleep(random.uniform(0, 0.3))
    place = scene.choose_place()
    await scene.fleet.kill(place)
    await scene.fleet.fill(place)


async def kill_in_commit(scene: Scene) -> None:
    """SIGKILL while what a node wrote is being stored."""
    async with asyncio.timeout(30):
        place, since = await scene.trigger.arm(signal.SIGKILL)
    await scene.fleet.bury(place, "commit-kill", since)
    await scene.fleet.fill(place)


async def stop_for_long(scene: Scene) -> None:
    """SIGSTOP for longer than the lease, then SIGCONT: it wakes and does not know."""
    async with asyncio.timeout(30):
        place, since = await scene.trigger.arm(signal.SIGSTOP)
    worker = scene.fleet.workers[place]
    await asyncio.sleep(scene.stop_seconds)
    worker.send(signal.SIGCONT)
    scene.fleet.note("stop", worker.name, since)
    await asyncio.sleep(1)


async def restart_postgres(scene: Scene) -> None:
    """All sessions end; half the time without a checkpoint of the server's own."""
    assert isinstance(scene.database, Postgres)
    since = time.time()
    mode = random.choice(["fast", "immediate"])
    await asyncio.to_thread(scene.database.restart_server, mode)
    # What lost its connection may find out a moment later.
    await asyncio.sleep(1)
    scene.fleet.note("restart", None, since)


async def fill_disk(scene: Scene) -> None:
    """Not a byte left where the database is, for a moment."""
    assert scene.small is not None
    since = time.time()
    with full_disk(scene.small):
        await asyncio.sleep(_FULL_SECONDS)
    await asyncio.sleep(1)
    scene.fleet.note("disk-full", None, since)


async def terminate(scene: Scene) -> None:
    """SIGTERM: what does not end within the drain is handed on."""
    place = scene.choose_place()
    since = time.time()
    scene.fleet.workers[place].send(signal.SIGTERM)
    await scene.fleet.bury(place, "drain", since)
    await scene.fleet.fill(place)


async def leave(scene: Scene) -> None:
    """Nothing: clients leave by themselves."""
    await asyncio.sleep(0.3)


FAULTS: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "kill": kill_at_random,
    "commit-kill": kill_in_commit,
    "stop": stop_for_long,
    "restart": restart_postgres,
    "disk-full": fill_disk,
    "drain": terminate,
    "client-gone": leave,
}
