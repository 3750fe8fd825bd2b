"""Starts the runs of crons that are due, on whichever worker sees them first."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from graphwarden.api.errors import ASSISTANT_HEADER
from graphwarden.worker.crons import Cron, InvalidSchedule, find_next
from graphwarden.worker.engine.work import DATABASE_ERRORS
from graphwarden.worker.errors import ApiError
from graphwarden.worker.routes.runs import make_order
from graphwarden.worker.runs import Run
from graphwarden.worker.storage.hands import NoThread

if TYPE_CHECKING:
    from graphwarden.worker.service import Service

logger = logging.getLogger(__name__)

_AT_ONCE = 50


class Schedules:
    """The crons of this worker's graphs."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def start_due(self) -> None:
        """Start each cron that is due once, however many times it came due meanwhile."""
        service = self._service
        if service.admission.draining:
            return
        loaded = [name for name, slot in service.graphs.slots.items() if slot.graph is not None]
        now = datetime.now(UTC)
        for cron in await service.require_storage().crons.list_due(loaded, now, _AT_ONCE):
            try:
                await self._start(cron, now)
            except DATABASE_ERRORS:
                raise
            except Exception:
                # Not to be met again each second: the others are due as well.
                logger.exception("a cron broke off", extra=_name(cron))
                await self._count_on(cron, now)

    async def _start(self, cron: Cron, now: datetime) -> None:
        """One cron, and what is done with one that cannot run."""
        records = self._service.require_storage().crons
        try:
            following = find_next(cron.schedule, cron.timezone, now, cron.end_time)
            run = await self._make_run(cron, now)
            started = await records.start(cron, following, run)
        except (InvalidSchedule, NoThread) as problem:
            reason = "its thread is gone" if isinstance(problem, NoThread) else str(problem)
            if await records.disable(cron, now):
                self._tell(cron, "disabled", reason)
        except ApiError as problem:
            elsewhere = problem.headers.get(ASSISTANT_HEADER)
            if problem.status == 421 and elsewhere is not None:
                await records.move(cron, elsewhere)
            elif problem.status >= 500:
                logger.warning("a cron waits: %s", problem.detail, extra=_name(cron))
            else:
                await self._count_on(cron, now, problem.detail)
        else:
            if started == "started":
                self._service.metrics.cron_due(cron.graph_id, "started")
                self._service.require_engine().kick()
            elif started == "busy":
                self._tell(cron, "skipped", "its thread is busy, and it says reject")

    async def _count_on(self, cron: Cron, now: datetime, reason: str = "see above") -> None:
        """To its next time, without a run."""
        following = find_next(cron.schedule, cron.timezone, now, cron.end_time)
        if await self._service.require_storage().crons.start(cron, following, None):
            self._tell(cron, "skipped", reason)

    async def _make_run(self, cron: Cron, now: datetime) -> Run:
        """The run that a cron asks for now."""
        body = {**cron.payload, "assistant_id": cron.assistant_id}
        if cron.thread_id is None:
            body["on_completion"] = cron.on_run_completed
        # Checked when the cron was made, and before each delivery: a name server that does not
        # answer just now is no reason not to run.
        webhook = body.pop("webhook", None)
        order = await make_order(self._service, body, cron.thread_id)
        return replace(order, request=replace(order.request, webhook=webhook)).to_run(now)

    def _tell(self, cron: Cron, outcome: str, reason: str) -> None:
        self._service.metrics.cron_due(cron.graph_id, outcome)
        logger.error("cron %s: %s", outcome, reason, extra=_name(cron))


def _name(cron: Cron) -> dict[str, str]:
    return {"cron_id": cron.cron_id, "assistant_id": cron.assistant_id}
