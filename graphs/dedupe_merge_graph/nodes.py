"""The nodes of dedupe_merge: note decisions, merge what is certain, propose what may be."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from sqlalchemy import func, select

from graphs.dedupe_merge_graph.contacts import settle_late
from graphs.dedupe_merge_graph.likeness import Firm, Person
from graphs.dedupe_merge_graph.merging import (
    FIRM_FIELDS,
    PERSON_FIELDS,
    Merged,
    find_root,
    merge_pair,
)
from graphs.dedupe_merge_graph.pairing import Found, pair_firms, pair_people
from graphs.dedupe_merge_graph.reviews import Entity, Ids, decide, propose, read_states
from graphs.dedupe_merge_graph.state import (
    Decision,
    DedupeInput,
    DedupeOutput,
    DedupeState,
    MergedPair,
    ReviewPair,
)
from graphs.sales.clock import read_now
from graphs.sales.data import Database, open_database
from graphs.sales.data.people import Company, Contact, Review
from graphs.sales.fleet import wake_campaigns
from graphs.sales.settings import SalesContext

_MOST_IDS = 1000
_MOST_ROWS = 100_000
_MOST_SHOWN = 200
# Two that were merged may be one with a third; what is left after that is found the next time.
_ROUNDS = 5


@dataclass
class _Tally:
    """What was done so far. `only`: the rows that are asked about, as they are called by now."""

    only: set[str]
    done: list[Merged] = field(default_factory=list)
    busy: set[Ids] = field(default_factory=set)

    def add(self, ids: Ids, ended: Merged) -> None:
        """Count how one pair ended."""
        if ended.outcome == "busy":
            self.busy.add(ids)
        elif ended.outcome == "merged":
            self.done.append(ended)
            if ended.merged_id in self.only:
                self.only.add(ended.kept_id)


async def note_decisions(state: DedupeState, runtime: Runtime[SalesContext]) -> DedupeState:
    """Store what a person said of pairs."""
    del runtime
    entity, now = _read_entity(state), read_now(state.get("now"))
    _read_ids(state)
    decisions = _read_decisions(state)
    database = await open_database()
    async with database.begin() as session:
        for each in decisions:
            left = await find_root(session, entity, each["left_id"])
            right = await find_root(session, entity, each["right_id"])
            if left != right:
                await decide(session, entity, left, right, each["same"], now)
            elif not each["same"]:
                raise ValueError(
                    f"{each['left_id']} and {each['right_id']} are one row already: {left}."
                )
    return {}


async def merge(state: DedupeState) -> DedupeState:
    """Merge until nothing certain is left, and propose the rest."""
    entity, now = _read_entity(state), read_now(state.get("now"))
    database = await open_database()
    async with database.begin() as session:
        await settle_late(session)
        tally = _Tally({await find_root(session, entity, each) for each in _read_ids(state)})
    found = Found([], 0)
    for _ in range(_ROUNDS):
        before = len(tally.done)
        found = await _merge_once(database, entity, now, tally)
        if len(tally.done) == before:
            break
    await _propose(database, entity, found, now)
    pairs: list[MergedPair] = [
        {"kept_id": each.kept_id, "merged_id": each.merged_id} for each in tally.done
    ]
    shown, count = await _list_open(database, entity, tally.only)
    return {
        "merged": len(pairs),
        "pairs": pairs[:_MOST_SHOWN],
        "busy": len(tally.busy),
        "skipped_keys": found.skipped,
        "review_pairs": shown,
        "open_reviews": count,
    }


async def _merge_once(database: Database, entity: Entity, now: datetime, tally: _Tally) -> Found:
    """One look at all rows; what persons said goes first."""
    async with database.read() as session:
        states = await read_states(session, entity)
    rows = await _read_rows(database, entity)
    found = await asyncio.to_thread(_pair, rows, frozenset(tally.only))
    live = {row.id for row in rows}
    said = [ids for ids, state in states.items() if state == "same" and live.issuperset(ids)]
    sure = [
        (pair.left_id, pair.right_id) for pair in found.pairs if pair.likeness.verdict == "same"
    ]
    asked = [ids for ids in said if not tally.only or tally.only & set(ids)]
    pairs = [*((ids, True) for ids in asked), *((ids, False) for ids in sure)]
    for ids, is_decided in pairs:
        ended = await merge_pair(database, entity, ids, now, is_decided=is_decided)
        tally.add(ids, ended)
        await wake_campaigns((each, ended.merged_id) for each in ended.campaigns)
    return found


async def _read_rows(database: Database, entity: Entity) -> Sequence[Person] | Sequence[Firm]:
    """All rows that stand for themselves, as they are compared.

    Raises:
        ValueError: there are too many.
    """
    fields = PERSON_FIELDS if entity == "contact" else FIRM_FIELDS
    table = Contact if entity == "contact" else Company
    query = select(*fields).where(table.merged_into.is_(None)).limit(_MOST_ROWS + 1)
    async with database.read() as session:
        rows: Sequence[Any] = (await session.execute(query)).all()
    if len(rows) > _MOST_ROWS:
        raise ValueError(f"More than {_MOST_ROWS} rows cannot be compared in one run.")
    if entity == "contact":
        return [Person(*row) for row in rows]
    return [Firm(*row) for row in rows]


def _pair(rows: Sequence[Person] | Sequence[Firm], only: frozenset[str]) -> Found:
    if rows and isinstance(rows[0], Firm):
        return pair_firms(cast(Sequence[Firm], rows), only)
    return pair_people(cast(Sequence[Person], rows), only)


async def _propose(database: Database, entity: Entity, found: Found, now: datetime) -> None:
    """Rows that may be one, for a person; those that became something else meanwhile are not."""
    pairs = [pair for pair in found.pairs if pair.likeness.verdict == "maybe"]
    async with database.begin() as session:
        await propose(session, entity, pairs, now)


async def _list_open(
    database: Database, entity: Entity, only: Collection[str]
) -> tuple[list[ReviewPair], int]:
    """The likeliest pairs that wait for a person, and how many there are."""
    where = [Review.entity == entity, Review.state == "open"]
    if only:
        where.append(Review.left_id.in_(only) | Review.right_id.in_(only))
    likeliest = select(Review).where(*where).order_by(Review.score.desc(), Review.id)
    async with database.read() as session:
        count = await session.scalar(select(func.count()).select_from(Review).where(*where))
        rows = (await session.scalars(likeliest.limit(_MOST_SHOWN))).all()
    shown: list[ReviewPair] = [
        {
            "left_id": row.left_id,
            "right_id": row.right_id,
            "score": row.score,
            "reason": row.reason,
        }
        for row in rows
    ]
    return shown, int(count or 0)


def _read_entity(state: DedupeState) -> Entity:
    entity = state.get("entity")
    if entity not in ("contact", "company"):
        raise ValueError("Send entity: contact or company.")
    return entity


def _read_ids(state: DedupeState) -> Sequence[str]:
    ids = state.get("ids") or []
    is_list = isinstance(ids, list) and all(isinstance(each, str) and each for each in ids)
    if not is_list or len(ids) > _MOST_IDS:
        raise ValueError(f"ids is a list of at most {_MOST_IDS} ids.")
    return ids


def _read_decisions(state: DedupeState) -> Sequence[Decision]:
    given = state.get("decisions") or []
    if not isinstance(given, list) or len(given) > _MOST_IDS or not all(map(_is_decision, given)):
        raise ValueError(
            'decisions is a list of at most 1000 of {"left_id", "right_id", "same": true or false}.'
        )
    return given


def _is_decision(given: object) -> bool:
    if not isinstance(given, Mapping):
        return False
    ids = [given.get("left_id"), given.get("right_id")]
    named = all(isinstance(each, str) and each for each in ids) and ids[0] != ids[1]
    return named and isinstance(given.get("same"), bool)


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        DedupeState,
        context_schema=SalesContext,
        input_schema=DedupeInput,
        output_schema=DedupeOutput,
    )
    builder.add_node("note_decisions", note_decisions)
    builder.add_node("merge", merge)
    builder.add_edge(START, "note_decisions")
    builder.add_edge("note_decisions", "merge")
    builder.add_edge("merge", END)
    return builder.compile(checkpointer=checkpointer, name="dedupe_merge")
