"""company_qa: what is wrong, missing or old in the data of companies."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from graphs.company_qa_graph.checks import Flag, Surroundings, check_company, make_name_key
from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.data.tables import Company, Contact
from graphs.sales.settings import SalesContext

_MOST = 500


class QaInput(TypedDict, total=False):
    """`company_ids`, at most 500. `now` (ISO 8601) stands in for the clock."""

    company_ids: list[str]
    now: str


_Counts = TypedDict("_Counts", {"pass": int, "fail": int}, total=False)


class QaOutput(_Counts, total=False):
    """`flags`: company_id, flag (PascalCase), severity (`error` fails a company, `warning` does
    not), field, message. `pass` and `fail` count companies.
    """

    flags: list[dict[str, str]]
    model_version: str


class QaState(QaInput, QaOutput, total=False):
    """Input and output together."""


async def check(state: QaState) -> QaState:
    """Read the companies with their surroundings, and look at each."""
    ids, now = state.get("company_ids"), read_now(state.get("now"))
    if not isinstance(ids, list) or not ids or not all(isinstance(i, str) and i for i in ids):
        raise ValueError("Send company_ids: a list of ids of companies in the database.")
    if len(ids) > _MOST:
        raise ValueError(f"company_ids has more than {_MOST} ids; send them in parts.")
    flags: list[Flag] = []
    async with (await open_database()).read() as session:
        rows = {
            row.id: row for row in await session.scalars(select(Company).where(Company.id.in_(ids)))
        }
        twins = await _count_twins(session, rows.values())
        people = await _list_people(session, list(rows))
    for company_id in dict.fromkeys(ids):
        row = rows.get(company_id)
        if row is None:
            flags.append(Flag(company_id, "Missing", "error", "id", "There is no such company."))
            continue
        around = Surroundings(
            same_name=twins.get(make_name_key(row.name), 1) - 1,
            addresses=tuple(people.get(company_id, ())),
        )
        flags += check_company(row, around, now)
    failed = {flag.company_id for flag in flags if flag.severity == "error"}
    return {
        "flags": [flag._asdict() for flag in flags],
        "pass": len(set(ids)) - len(failed),
        "fail": len(failed),
        "model_version": "qa-rules-1",
    }


async def _count_twins(session: AsyncSession, rows: Any) -> dict[str, int]:
    """How many companies have a name, of the names of these."""
    counts: dict[str, int] = {}
    keys = {make_name_key(row.name) for row in rows}
    heads = {key[:1] for key in keys if key}
    first = func.lower(func.substr(Company.name, 1, 1))
    query = select(Company.name).where(first.in_(heads), Company.merged_into.is_(None))
    async for name in await session.stream_scalars(query):
        key = make_name_key(name)
        if key in keys:
            counts[key] = counts.get(key, 0) + 1
    return counts


async def _list_people(session: AsyncSession, ids: list[str]) -> dict[str, list[str]]:
    """The addresses of each company's contacts; empty text for one without."""
    query = select(Contact.company_id, Contact.email).where(
        Contact.company_id.in_(ids), Contact.merged_into.is_(None)
    )
    found: dict[str, list[str]] = {}
    for company_id, email in await session.execute(query):
        found.setdefault(str(company_id), []).append(email or "")
    return found


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        QaState, context_schema=SalesContext, input_schema=QaInput, output_schema=QaOutput
    )
    builder.add_node("check", check)
    builder.add_edge(START, "check")
    builder.add_edge("check", END)
    return builder.compile(checkpointer=checkpointer, name="company_qa")


graph = build_graph()
