"""find_decision_maker: who of a company's contacts decides, ranked by title, with reasons."""

from datetime import datetime
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from graphs.find_decision_maker_graph.ranking import Person, Ranked, rank
from graphs.sales.clock import read_now
from graphs.sales.data import Database, open_database
from graphs.sales.data.outreach import Product
from graphs.sales.data.people import Company, Contact
from graphs.sales.data.provenance import PERSON
from graphs.sales.data.suppression import find_suppression
from graphs.sales.settings import SalesContext, clean
from graphs.sales.titles import DEPARTMENTS

_MOST_CONTACTS = 1000
_MOST_ANSWERED = 100


class DecisionInput(TypedDict, total=False):
    """`departments` are those that buy: sales, marketing, engineering, it, ... Without them they
    are the `departments` in the `icp` of the product, and without a product each may buy.

    `limit` is how many are answered, 1 to 100. `now` (ISO 8601) stands in for the clock.
    """

    company_id: str
    product_id: str
    departments: list[str]
    limit: int
    now: str


class Decider(TypedDict):
    """`authority` is 0 to 1; who `decides` can say yes alone. `reasons` are sentences."""

    contact_id: str
    authority: float
    decides: bool
    seniority: str | None
    department: str | None
    reasons: list[str]


class LeftOut(TypedDict):
    """A contact who is not ranked, and why."""

    contact_id: str
    reason: str


class DecisionOutput(TypedDict, total=False):
    """`ranked` has the likeliest first; `left_out` are those who must not be written to."""

    company_id: str
    ranked: list[Decider]
    left_out: list[LeftOut]
    departments_used: list[str]


class DecisionState(DecisionInput, DecisionOutput, total=False):
    """Input and output together."""


async def find(state: DecisionState, runtime: Runtime[SalesContext]) -> DecisionState:
    """Read the company's contacts, and rank those who may be written to."""
    del runtime
    company_id, limit = clean(state.get("company_id")), state.get("limit", 20)
    if not company_id:
        raise ValueError("Send company_id: the id of a company in the database.")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST_ANSWERED:
        raise ValueError(f"limit is a whole number from 1 to {_MOST_ANSWERED}.")
    database = await open_database()
    company = await _get_company(database, company_id)
    departments = await _find_departments(database, state)
    people, left_out = await _list_people(database, company.id)
    ranked = rank(people, company.employees, departments, read_now(state.get("now")))
    return {
        "company_id": company.id,
        "ranked": [_show(each) for each in ranked[:limit]],
        "left_out": left_out,
        "departments_used": departments,
    }


async def _get_company(database: Database, company_id: str) -> Company:
    async with database.read() as session:
        company = await session.get(Company, company_id)
        if company is not None and company.merged_into:
            company = await session.get(Company, company.merged_into)
    if company is None:
        raise ValueError(f"no company {company_id}")
    return company


async def _find_departments(database: Database, state: DecisionState) -> list[str]:
    """Those of the call, else those of the product; a word that is none of ours is told."""
    given: object = state.get("departments")
    where, product_id = "departments", clean(state.get("product_id"))
    if not given and product_id:
        async with database.read() as session:
            product = await session.get(Product, product_id)
        if product is None:
            raise ValueError(f"no product {product_id}")
        given, where = product.icp.get("departments"), f"icp.departments of {product_id}"
    if given is not None and not isinstance(given, list):
        raise ValueError(f"{where} is a list of any of {', '.join(DEPARTMENTS)}.")
    names = [clean(each).lower() for each in given or []]
    for name in names:
        if name not in DEPARTMENTS:
            raise ValueError(f"{where}: {name!r} is none of {', '.join(DEPARTMENTS)}.")
    return list(dict.fromkeys(names))


async def _list_people(database: Database, company_id: str) -> tuple[list[Person], list[LeftOut]]:
    salt = await database.read_salt()
    query = select(Contact).where(Contact.company_id == company_id, Contact.merged_into.is_(None))
    people: list[Person] = []
    left_out: list[LeftOut] = []
    async with database.read() as session:
        for contact in await session.scalars(query.order_by(Contact.id).limit(_MOST_CONTACTS)):
            if await _is_suppressed(session, contact, salt):
                left_out.append({"contact_id": contact.id, "reason": "Suppressed"})
            else:
                people.append(_read_person(contact))
    return people, left_out


async def _is_suppressed(session: AsyncSession, contact: Contact, salt: str) -> bool:
    return bool(contact.email) and bool(await find_suppression(session, contact.email or "", salt))


def _read_person(contact: Contact) -> Person:
    provenance = contact.provenance or {}
    is_said = provenance.get("is_decision_maker", {}).get("source") == PERSON
    seen_at = provenance.get("title", {}).get("at")
    return Person(
        contact_id=contact.id,
        title=contact.title or "",
        said=contact.is_decision_maker if is_said else None,
        seen_at=datetime.fromisoformat(seen_at) if seen_at else None,
    )


def _show(ranked: Ranked) -> Decider:
    return {
        "contact_id": ranked.contact_id,
        "authority": ranked.authority,
        "decides": ranked.decides,
        "seniority": ranked.seniority,
        "department": ranked.department,
        "reasons": list(ranked.reasons),
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        DecisionState,
        context_schema=SalesContext,
        input_schema=DecisionInput,
        output_schema=DecisionOutput,
    )
    builder.add_node("find", find)
    builder.add_edge(START, "find")
    builder.add_edge("find", END)
    return builder.compile(checkpointer=checkpointer, name="find_decision_maker")


graph = build_graph()
