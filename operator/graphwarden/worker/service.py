"""What a worker is made of: one value that the routes get, and its life from start to drain."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from graphwarden.worker.admission import Admission
from graphwarden.worker.durable import DurableRuns
from graphwarden.worker.errors import storage_missing
from graphwarden.worker.graphs import Graphs
from graphwarden.worker.inflight import InFlight
from graphwarden.worker.metrics import Metrics
from graphwarden.worker.settings import Settings
from graphwarden.worker.watch import RegistryFile, follow_registry

if TYPE_CHECKING:
    from graphwarden.worker.storage.database import Storage

logger = logging.getLogger(__name__)

_STORAGE_RETRY_SECONDS = 2.0


@dataclass
class Service:
    """The parts of a running worker."""

    settings: Settings
    metrics: Metrics
    graphs: Graphs
    admission: Admission
    runs: InFlight
    registry: RegistryFile
    storage: Storage | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """Whether new runs may come."""
        return self.graphs.any_loaded and not self.admission.draining

    def require_storage(self) -> Storage:
        """The database.

        Raises:
            ApiError: 503 when there is none in reach.
        """
        if self.storage is None:
            raise storage_missing()
        return self.storage

    def durable_runs(self) -> DurableRuns:
        """Runs on threads.

        Raises:
            ApiError: 503 when there is no database in reach.
        """
        return DurableRuns(
            self.require_storage(), self.graphs, self.runs, self.metrics, self.settings.name
        )

    async def start(self) -> None:
        """Follow the registry, and open the database when one is named."""
        if self.settings.database_url is not None:
            self.graphs.expect_storage()
            self._tasks.append(asyncio.create_task(self._open_storage(self.settings.database_url)))
        self._tasks.append(asyncio.create_task(follow_registry(self.registry, self.graphs.apply)))

    async def drain(self) -> bool:
        """Refuse new runs and let those in flight finish.

        What is left at the end of the time is stopped: a durable run stays `running` in the
        database, and whoever gets its thread next goes on with it. True when nothing was left.
        """
        self.admission.draining = True
        logger.info("draining", extra={"in_flight": self.admission.in_flight})
        if await self.runs.wait_until_empty(self.settings.drain_seconds):
            return True
        for handle in list(self.runs.handles):
            handle.stop("drain")
        await self.runs.wait_until_empty(seconds=2)
        return False

    async def close(self) -> None:
        """Let go of the file and the database."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.storage is not None:
            await self.storage.close()

    async def _open_storage(self, url: str) -> None:
        # Drivers and migrations take a second or more to import: only pools with a database pay
        # for it, and their other graphs are served meanwhile.
        await asyncio.to_thread(import_module, "graphwarden.worker.storage.database")
        from graphwarden.worker.storage.database import StorageUnavailable, open_storage

        while True:
            try:
                self.storage = await open_storage(url, self._ownership_lost)
            except StorageUnavailable as problem:
                logger.error("no storage, trying again: %s", problem)
                self.graphs.use_storage(None)
                await asyncio.sleep(_STORAGE_RETRY_SECONDS)
            else:
                break
        self.graphs.use_storage(self.storage.checkpointer)
        logger.info("storage open", extra={"database": self.storage.kind})

    def _ownership_lost(self, thread_id: str) -> None:
        """Another worker may own the thread by now: stop before two of them write to it."""
        logger.error("thread ownership lost", extra={"thread_id": thread_id})
        self.runs.stop_thread(thread_id, "ownership")


def make_service(settings: Settings) -> Service:
    """A worker that has not started."""
    metrics = Metrics(settings.capability)
    return Service(
        settings=settings,
        metrics=metrics,
        graphs=Graphs(metrics),
        admission=Admission(settings.concurrency, metrics),
        runs=InFlight(),
        registry=RegistryFile(settings.registry),
    )
