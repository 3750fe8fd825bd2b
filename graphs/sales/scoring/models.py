"""Weights that were learned, in the database: which hold, and how new ones come to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from graphs.sales.data import make_id
from graphs.sales.data.history import Model
from graphs.sales.data.once import insert_once
from graphs.sales.scoring.logistic import Weights, read_weights
from graphs.sales.scoring.score import RULES, RULES_VERSION

CONTACTS = "score_contact"


@dataclass(frozen=True)
class Version:
    """Weights under the name by which scores refer to them."""

    version: str
    weights: Weights


async def find_promoted(session: AsyncSession, name: str = CONTACTS) -> Version:
    """The weights that hold: those promoted last, else the rules."""
    query = select(Model).where(Model.name == name, Model.promoted_at.is_not(None))
    row = await session.scalar(query.order_by(Model.promoted_at.desc(), Model.id.desc()).limit(1))
    if row is None:
        return Version(RULES_VERSION, RULES)
    return Version(row.version, read_weights(row.weights))


async def store_model(
    session: AsyncSession,
    weights: Weights,
    metrics: Mapping[str, Any],
    *,
    now: datetime,
    promote: bool,
    name: str = CONTACTS,
) -> str:
    """Keep weights with what they are worth; the same weights again are the same version."""
    version = name_weights(weights)
    values = {"weights": weights.as_json(), "metrics": dict(metrics), "created_at": now}
    await insert_once(session, Model, id=make_id(), name=name, version=version, **values)
    query = select(Model).where(Model.name == name, Model.version == version)
    row = (await session.scalars(query)).one()
    row.metrics = dict(metrics)
    if promote:
        row.promoted_at = now
    return version


def name_weights(weights: Weights) -> str:
    """`logistic-` and twelve digits that hang on the weights alone."""
    text = json.dumps(weights.as_json(), sort_keys=True)
    return f"logistic-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
