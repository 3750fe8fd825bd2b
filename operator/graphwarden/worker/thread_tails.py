"""Reading a thread's events from the database, over all its runs, for as long as anybody reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from graphwarden.api.errors import Reason
from graphwarden.worker.answers import RunLost
from graphwarden.worker.channel import END_OF_RUN
from graphwarden.worker.errors import not_started
from graphwarden.worker.rings import is_database_away

if TYPE_CHECKING:
    from graphwarden.worker.service import Service
    from graphwarden.worker.storage.database import Storage
    from graphwarden.worker.storage.events import StoredEvent

_BATCH = 500
# How soon a reader looks again: at its connection and the drain, and at a run about to end.
_LOOK_SECONDS = 0.5
_ENDING_SECONDS = 0.02


def require_readers_welcome(service: Service) -> None:
    """An endless answer is not begun by a worker that is about to stop.

    Raises:
        ApiError: 503; the router asks another worker.
    """
    if service.admission.draining:
        raise not_started(Reason.DRAINING, "this worker is shutting down")


async def tail_thread(
    service: Service, thread_id: str, after: int
) -> AsyncIterator[Sequence[StoredEvent]]:
    """The stored events of a thread past a number, then each as it comes, without an end.

    An empty piece means that nothing happened for a moment. The end of a run is given once the
    run's record says the same, so that a reader may act upon it at once.

    Raises:
        RunLost: this worker stops, or its database is away. Clients take a stream that ends in
            good order for the end of the run, and come back only to one that breaks.
    """
    storage = service.require_storage()
    news = service.require_news()
    while True:
        if service.admission.draining:
            raise RunLost("the worker stops while a thread is read")
        local = news.listen(thread_id)
        try:
            stored = await storage.events.read_thread(thread_id, after, _BATCH)
            ready = await _take_settled(storage, thread_id, stored)
        except Exception as error:
            if is_database_away(error):
                raise RunLost(f"a thread cannot be read: {type(error).__name__}") from error
            raise
        if ready:
            after = ready[-1].seq
        yield ready
        if not ready:
            last = stored[-1].seq if stored else after
            seconds = _ENDING_SECONDS if stored else _LOOK_SECONDS
            await news.wait(thread_id, last, local, seconds)


async def _take_settled(
    storage: Storage, thread_id: str, stored: Sequence[StoredEvent]
) -> list[StoredEvent]:
    """The events up to the end of a run that is not over yet.

    An end with more of the same run behind it was none: its worker died before it was recorded,
    and the run went on.
    """
    last = {item.run_id: item.seq for item in stored}
    ready: list[StoredEvent] = []
    for item in stored:
        if item.event == END_OF_RUN:
            if last[item.run_id] > item.seq:
                continue
            if len(stored) == _BATCH and item is stored[-1]:
                break
            run = await storage.runs.fetch_run(thread_id, item.run_id)
            if run is not None and run.status in ("pending", "running"):
                break
        ready.append(item)
    return ready
