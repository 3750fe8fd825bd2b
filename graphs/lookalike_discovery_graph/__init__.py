"""lookalike_discovery: the companies of the database that are most like one of them, and why."""

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from graphs.lookalike_discovery_graph.likeness import (
    Likeness,
    Profile,
    has_anything,
    may_be_same,
    rank,
    read_words,
)
from graphs.sales.data import Database, open_database
from graphs.sales.data.history import Suppression
from graphs.sales.data.people import Company, Fact
from graphs.sales.settings import SalesContext, clean

_MOST_COMPARED = 5000
_MOST_ANSWERED = 100
_LEAST = 0.2
_TECHNOLOGY = "tech"


class LookalikeInput(TypedDict, total=False):
    """`limit` is how many are answered, 1 to 100; `least` how alike they are at least, 0 to 1."""

    company_id: str
    limit: int
    least: float


class Shown(TypedDict):
    """A company."""

    id: str
    name: str
    domain: str


class Lookalike(TypedDict):
    """`similarity` is 0 to 1; `why` are sentences, what weighs most first."""

    company: Shown
    similarity: float
    why: list[str]


class LookalikeOutput(TypedDict, total=False):
    """The most alike first. `compared` counts companies; `same` are rows that may be the same
    company, which dedupe_merge looks at.
    """

    company_id: str
    lookalikes: list[Lookalike]
    compared: int
    same: list[Shown]


class LookalikeState(LookalikeInput, LookalikeOutput, total=False):
    """Input and output together."""


async def find(state: LookalikeState, runtime: Runtime[SalesContext]) -> LookalikeState:
    """Compare the company with all that share anything with it."""
    del runtime
    company_id, limit, least = _read_input(state)
    database = await open_database()
    seed, others = await _read_profiles(database, company_id)
    if not has_anything(seed):
        raise ValueError(
            f"Nothing is known of {company_id} to compare by: run company_enrichment on it first."
        )
    same = [each for each in others if may_be_same(seed, each)]
    others = [each for each in others if each not in same]
    found = rank(seed, others, least)
    return {
        "company_id": seed.company_id,
        "lookalikes": [_show(each) for each in found[:limit]],
        "compared": len(others),
        "same": [_name(each) for each in same[:limit]],
    }


def _read_input(state: LookalikeState) -> tuple[str, int, float]:
    company_id, limit, least = (
        clean(state.get("company_id")),
        state.get("limit", 10),
        state.get("least", _LEAST),
    )
    if not company_id:
        raise ValueError("Send company_id: the id of a company in the database.")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST_ANSWERED:
        raise ValueError(f"limit is a whole number from 1 to {_MOST_ANSWERED}.")
    if isinstance(least, bool) or not isinstance(least, (int, float)) or not 0 <= least <= 1:
        raise ValueError("least is a number from 0 to 1.")
    return company_id, limit, float(least)


async def _read_profiles(database: Database, company_id: str) -> tuple[Profile, list[Profile]]:
    """The company, and those that share a field or a technology with it; nobody suppressed."""
    async with database.read() as session:
        company = await session.get(Company, company_id)
        if company is not None and company.merged_into:
            company = await session.get(Company, company.merged_into)
        if company is None:
            raise ValueError(f"no company {company_id}")
        rows = await _list_candidates(session, company)
        ids = [company.id, *(row.id for row in rows)]
        technologies = await _list_technologies(session, ids)
        suppressed = set(
            await session.scalars(select(Suppression.value).where(Suppression.kind == "domain"))
        )
    others = [
        _make_profile(row, technologies)
        for row in rows
        if not row.domain or not (suppressed & _list_parents(row.domain))
    ]
    return _make_profile(company, technologies), others


async def _list_candidates(session: AsyncSession, company: Company) -> Sequence[Company]:
    """Companies that share anything; those heard of last, where they are too many."""
    columns = (
        (Company.industry, company.industry), (Company.category, company.category),
        (Company.country, company.country), (Company.size, company.size),
    )  # fmt: skip
    digests = select(Fact.digest).where(Fact.company_id == company.id, Fact.kind == _TECHNOLOGY)
    sharing = select(Fact.company_id).where(Fact.kind == _TECHNOLOGY, Fact.digest.in_(digests))
    shared = [column == value for column, value in columns if value]
    if company.industry or company.description:
        # Industries and descriptions may be near without being equal.
        shared += [Company.industry.is_not(None), Company.description.is_not(None)]
    query = select(Company).where(
        Company.id != company.id,
        Company.merged_into.is_(None),
        or_(Company.id.in_(sharing), *shared),
    )
    newest = query.order_by(Company.updated_at.desc(), Company.id).limit(_MOST_COMPARED)
    return (await session.scalars(newest)).all()


async def _list_technologies(session: AsyncSession, ids: Sequence[str]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    # Databases take a limited number of parameters in one statement.
    for start in range(0, len(ids), 500):
        query = select(Fact.company_id, Fact.value).where(
            Fact.kind == _TECHNOLOGY, Fact.company_id.in_(ids[start : start + 500])
        )
        for company_id, value in await session.execute(query):
            if name := clean(value.get("name")):
                found.setdefault(company_id, set()).add(name)
    return found


def _list_parents(domain: str) -> set[str]:
    labels = domain.split(".")
    return {".".join(labels[start:]) for start in range(len(labels))}


def _make_profile(row: Company, technologies: Mapping[str, set[str]]) -> Profile:
    return Profile(
        company_id=row.id,
        name=row.name,
        domain=row.domain or "",
        industry=row.industry or "",
        category=row.category or "",
        size=row.size or "",
        employees=row.employees if row.employees and row.employees > 0 else None,
        country=row.country or "",
        technologies=frozenset(technologies.get(row.id, ())),
        words=read_words(row.description or ""),
    )


def _show(found: Likeness) -> Lookalike:
    return {
        "company": _name(found.profile),
        "similarity": found.similarity,
        "why": list(found.why),
    }


def _name(profile: Profile) -> Shown:
    return {"id": profile.company_id, "name": profile.name, "domain": profile.domain}


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        LookalikeState,
        context_schema=SalesContext,
        input_schema=LookalikeInput,
        output_schema=LookalikeOutput,
    )
    builder.add_node("find", find)
    builder.add_edge(START, "find")
    builder.add_edge("find", END)
    return builder.compile(checkpointer=checkpointer, name="lookalike_discovery")


graph = build_graph()
