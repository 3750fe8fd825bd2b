"""Webhooks that are to be sent: claimed by one worker at a time, sent at least once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from graphwarden.worker.storage.engines import make_reading
from graphwarden.worker.storage.tables import webhooks

# A worker that dies while it sends leaves the delivery to others after this time.
_CLAIMED_FOR = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook, and how often it was tried, this time included."""

    delivery_id: str
    run_id: str
    url: str
    payload: dict[str, Any]
    attempts: int


class Deliveries:
    """The table of webhooks."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = make_reading(engine)

    async def claim(self, now: datetime, limit: int) -> list[Delivery]:
        """Some that are due; nobody else gets them for a while."""
        query = select(webhooks).where(webhooks.c.due_at <= now)
        query = query.order_by(webhooks.c.due_at).limit(limit)
        async with self._reading.connect() as connection:
            if (await connection.execute(query)).first() is None:
                return []
        async with self._engine.begin() as connection:
            rows = (await connection.execute(query.with_for_update(skip_locked=True))).all()
            await connection.execute(
                update(webhooks)
                .where(webhooks.c.delivery_id.in_([row.delivery_id for row in rows]))
                .values(attempts=webhooks.c.attempts + 1, due_at=now + _CLAIMED_FOR)
            )
        return [
            Delivery(row.delivery_id, row.run_id, row.url, row.payload, row.attempts + 1)
            for row in rows
        ]

    async def retry(self, delivery: Delivery, due_at: datetime) -> None:
        """It was not taken: try again then, unless somebody else tries already."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(webhooks)
                .where(
                    webhooks.c.delivery_id == delivery.delivery_id,
                    webhooks.c.attempts == delivery.attempts,
                )
                .values(due_at=due_at)
            )

    async def drop(self, delivery_id: str) -> None:
        """It was taken, or is given up."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(webhooks).where(webhooks.c.delivery_id == delivery_id))
