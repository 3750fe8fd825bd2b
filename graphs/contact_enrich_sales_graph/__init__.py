"""contact_enrich_sales: how high a contact is, in which department, and how much they decide."""

from datetime import datetime
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.data.people import Company, Contact
from graphs.sales.data.provenance import set_field
from graphs.sales.settings import SalesContext, clean
from graphs.sales.titles import Position, read_title

_SOURCE = "contact_enrich_sales"


class RankInput(TypedDict, total=False):
    """`contact_id` of the database. `now` (ISO 8601) stands in for the clock."""

    contact_id: str
    now: str


class RankOutput(TypedDict, total=False):
    """What the contact has now: of its title, unless a person said otherwise.

    `seniority`: owner, c_level, vp, head, director, manager, senior, individual, junior.
    `authority_score` is 0 to 1. `title` is what was read, and `evidence` the words of it that
    decided; null and none where there is no title, and nothing was changed.
    """

    seniority: str | None
    department: str | None
    is_decision_maker: bool | None
    authority_score: float | None
    title: str | None
    confidence: float
    evidence: list[str]


class RankState(RankInput, RankOutput, total=False):
    """Input and output together."""


async def rank(state: RankState, runtime: Runtime[SalesContext]) -> RankState:
    """Read the title in the light of the company's size, and note what it says."""
    del runtime
    contact_id = clean(state.get("contact_id"))
    if not contact_id:
        raise ValueError("Send contact_id: the id of a contact in the database.")
    async with (await open_database()).begin() as session:
        row = await _find(session, contact_id)
        company = await session.get(Company, row.company_id) if row.company_id else None
        position = read_title(row.title or "", company.employees if company else None)
        if position.seniority is not None:
            _note(row, position, read_now(state.get("now")))
        return {
            "seniority": row.seniority,
            "department": row.department,
            "is_decision_maker": row.is_decision_maker,
            "authority_score": row.authority_score,
            "title": row.title,
            "confidence": position.confidence,
            "evidence": list(position.evidence),
        }


async def _find(session: AsyncSession, contact_id: str) -> Contact:
    row = await session.get(Contact, contact_id, with_for_update=True)
    if row is not None and row.merged_into:
        row = await session.get(Contact, row.merged_into, with_for_update=True)
    if row is None:
        raise ValueError(f"no contact {contact_id}")
    return row


def _note(row: Contact, position: Position, now: datetime) -> None:
    found = {
        "seniority": position.seniority,
        "department": position.department,
        "is_decision_maker": position.is_decision_maker,
        "authority_score": position.authority,
    }
    for field, value in found.items():
        set_field(row, field, value, source=_SOURCE, now=now, confidence=position.confidence)


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        RankState, context_schema=SalesContext, input_schema=RankInput, output_schema=RankOutput
    )
    builder.add_node("rank", rank)
    builder.add_edge(START, "rank")
    builder.add_edge("rank", END)
    return builder.compile(checkpointer=checkpointer, name="contact_enrich_sales")


graph = build_graph()
