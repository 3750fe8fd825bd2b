"""What a worker is made of: one value that the routes get, and its life from start to drain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from graphwarden.worker.admission import Admission
from graphwarden.worker.errors import storage_missing
from graphwarden.worker.graphs import Graphs
from graphwarden.worker.idempotency import Remembered
from graphwarden.worker.inflight import InFlight
from graphwarden.worker.metrics import Metrics
from graphwarden.worker.observer import Observer
from graphwarden.worker.settings import Settings
from graphwarden.worker.watch import RegistryFile, follow_registry

if TYPE_CHECKING:
    from graphwarden.worker.engine.engine import Engine
    from graphwarden.worker.spans import Spans
    from graphwarden.worker.storage.database import Storage
    from graphwarden.worker.thread_news import ThreadNews

logger = logging.getLogger(__name__)

_STORAGE_RETRY_SECONDS = 2.0
# How often crons and webhooks are looked for.
_LOOK_SECONDS = 1.0


@dataclass
class Service:
    """The parts of a running worker."""

    settings: Settings
    observer: Observer
    graphs: Graphs
    admission: Admission
    runs: InFlight
    remembered: Remembered
    registry: RegistryFile
    storage: Storage | None = None
    engine: Engine | None = None
    news: ThreadNews | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def metrics(self) -> Metrics:
        """The figures of this worker."""
        return self.observer.metrics

    @property
    def ready(self) -> bool:
        """Whether new runs may come."""
        admission = self.admission
        return self.graphs.any_loaded and not admission.draining and not admission.mostly_lost

    def require_storage(self) -> Storage:
        """The database.

        Raises:
            ApiError: 503 when there is none in reach.
        """
        if self.storage is None:
            raise storage_missing()
        return self.storage

    def require_engine(self) -> Engine:
        """Runs on threads.

        Raises:
            ApiError: 503 when there is no database in reach.
        """
        if self.engine is None:
            raise storage_missing()
        return self.engine

    def require_news(self) -> ThreadNews:
        """Waiting for the events of threads.

        Raises:
            ApiError: 503 when there is no database in reach.
        """
        if self.news is None:
            raise storage_missing()
        return self.news

    async def start(self) -> None:
        """Follow the registry, and open the database when one is named."""
        if self.settings.database_url is not None:
            self.graphs.expect_storage()
            self._tasks.append(asyncio.create_task(self._open_storage(self.settings.database_url)))
        self._tasks.append(asyncio.create_task(follow_registry(self.registry, self.graphs.apply)))

    async def drain(self) -> bool:
        """Refuse new runs, let those in flight finish, and hand over what others can go on with.

        What is left at the end of the time is stopped; a durable run goes on elsewhere. True when
        nothing was left. Not sooner than routers had time to notice: a request that is on its way
        on a kept connection when that ends is lost, and nobody may send it again.
        """
        self.admission.draining = True
        logger.info("draining", extra={"in_flight": self.admission.in_flight})
        if self.engine is not None:
            self.engine.drain()
        noticed = asyncio.sleep(self.settings.unready_seconds)
        empty = self.runs.wait_until_empty(self.settings.drain_seconds)
        if (await asyncio.gather(empty, noticed))[0]:
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
        if self.news is not None:
            await self.news.close()
        if self.storage is not None:
            with contextlib.suppress(Exception):
                await self.storage.leave()
            await self.storage.close()

    async def _open_storage(self, url: str) -> None:
        # Drivers and migrations take a second or more to import: only pools with a database pay
        # for it, and their other graphs are served meanwhile.
        await asyncio.to_thread(import_module, "graphwarden.worker.storage.database")
        await asyncio.to_thread(import_module, "graphwarden.worker.engine.engine")
        from graphwarden.worker.engine.caretaker import repeat
        from graphwarden.worker.engine.engine import Engine
        from graphwarden.worker.schedules import Schedules
        from graphwarden.worker.storage.database import StorageUnavailable, open_storage
        from graphwarden.worker.storage.workers import Identity
        from graphwarden.worker.thread_news import ThreadNews
        from graphwarden.worker.webhooks import Webhooks

        identity = Identity(self.settings.address, self.settings.capability)
        while True:
            try:
                self.storage = await open_storage(
                    url,
                    identity,
                    pool_size=self.settings.database_pool_size,
                    sqlite_synchronous=self.settings.sqlite_synchronous,
                )
            except StorageUnavailable as problem:
                logger.error("no storage, trying again: %s", problem)
                self.graphs.use_storage(None)
                await asyncio.sleep(_STORAGE_RETRY_SECONDS)
            else:
                break
        self.graphs.use_storage(self.storage.checkpointer, self.storage.items)
        self.news = ThreadNews(self.storage.events, self.runs)
        logger.info("storage open", extra={"database": self.storage.kind})
        self.engine = Engine(
            self.storage,
            self.graphs,
            self.runs,
            self.admission,
            self.observer,
            self.settings.retention,
            self.settings.lease_seconds,
        )
        async with asyncio.TaskGroup() as duties:
            duties.create_task(self.engine.run())
            duties.create_task(repeat(Schedules(self).start_due, _LOOK_SECONDS))
            duties.create_task(repeat(Webhooks(self).send_due, _LOOK_SECONDS))


def make_service(settings: Settings, spans: Spans | None = None) -> Service:
    """A worker that has not started; `spans` where it makes any."""
    metrics = Metrics(settings.capability)
    if spans is not None:
        metrics.count_spans(spans.tracing)
    return Service(
        settings=settings,
        observer=Observer(metrics, spans),
        graphs=Graphs(metrics),
        admission=Admission(settings.concurrency, metrics),
        runs=InFlight(),
        remembered=Remembered(),
        registry=RegistryFile(settings.registry),
    )
