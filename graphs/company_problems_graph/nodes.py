"""The nodes of company_problems: read the site, find problems with evidence, keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from sqlalchemy import select

from graphs.company_problems_graph.finding import (
    MOST_PROBLEMS,
    Problem,
    Problems,
    Source,
    Sources,
    check_numbers,
    check_quotes,
    find_by_rules,
)
from graphs.company_problems_graph.state import (
    FoundProblem,
    ProblemsInput,
    ProblemsOutput,
    ProblemsState,
)
from graphs.sales.clock import read_now
from graphs.sales.data import Database, open_database
from graphs.sales.data.facts import drop_facts, keep_fact
from graphs.sales.data.people import Fact
from graphs.sales.discovery.limits import read_count
from graphs.sales.discovery.sites import get_company, read_site
from graphs.sales.lookup import find_product, lay_over
from graphs.sales.prompts import load_prompt
from graphs.sales.settings import SalesContext, clean, make_variables, read_context
from graphs.sales.tasks import Task, run_task
from graphs.sales.web import Page, open_web

_MOST_PAGES, _MOST_TECH = 20, 100
# What a model is given of each page, and of all of them.
_LONGEST_PAGE, _MOST_TEXT = 6_000, 24_000
_KIND = "problem"

TASK = Task(
    name="company_problems",
    version="1",
    schema=Problems,
    prompt=load_prompt(__file__),
    rules=find_by_rules,
    checks=(check_quotes, check_numbers),
    untrusted=frozenset({"sources"}),
)


async def find(state: ProblemsState, runtime: Runtime[SalesContext]) -> ProblemsState:
    """Read the company's pages, run the task, and keep what it found."""
    company_id = clean(state.get("company_id"))
    if not company_id:
        raise ValueError("Send company_id: the id of a company in the database.")
    most_pages = read_count(state, "max_pages", 8, 1, _MOST_PAGES)
    database, now = await open_database(), read_now(state.get("now"))
    company = await get_company(database, company_id)
    context = await _read_product(database, clean(state.get("product_id")), runtime)
    async with open_web() as web:
        site = await read_site(web, company, "", most_pages, most_depth=2)
    if not site.pages:
        return _show((), (), site.unread[0].message)
    sources = make_sources(site.pages, await _list_tech(database, company.id))
    variables = {
        **make_variables(context),
        "company": company.name,
        "most": MOST_PROBLEMS,
        "sources": sources,
    }
    answer, provenance = await run_task(TASK, variables, context)
    proven = [each for each in answer.problems if not check_quotes(_one(each), variables)]
    await _keep(database, company.id, proven, now)
    shown = _show(proven, [page.url for page in site.pages], None)
    return {**shown, "dropped": len(answer.problems) - len(proven), "provenance": provenance}


def make_sources(pages: Sequence[Page], tech: Sequence[Mapping[str, Any]]) -> Sources:
    """What is read for problems: the text of each page within limits, and the technologies."""
    left, found = _MOST_TEXT, []
    for page in pages:
        heading = [page.title, page.description]
        text = "\n".join(filter(None, [*heading, page.text]))[: min(_LONGEST_PAGE, left)]
        left -= len(text)
        if text:
            found.append(Source(page.url, text, page.kinds))
    return Sources(tuple(found), tuple(tech))


async def _list_tech(database: Database, company_id: str) -> list[Mapping[str, Any]]:
    """The technologies that are known of a company, with where each was seen."""
    facts = select(Fact).where(Fact.company_id == company_id, Fact.kind == "tech")
    async with database.read() as session:
        rows = (await session.scalars(facts.order_by(Fact.digest).limit(_MOST_TECH))).all()
    return [
        {**row.value, "evidence": row.evidence or "", "source": row.source or ""}
        for row in rows
        if row.value.get("name")
    ]


async def _read_product(
    database: Database, product_id: str, runtime: Runtime[SalesContext]
) -> dict[str, Any]:
    product = await find_product(database, product_id or None)
    if product_id and product is None:
        raise ValueError(f"no product {product_id}")
    return lay_over(read_context(runtime.context), product)


async def _keep(
    database: Database, company_id: str, problems: Sequence[Problem], now: datetime
) -> None:
    """What was found takes the place of what was found before."""
    async with database.begin() as session:
        for each in problems:
            await keep_fact(
                session,
                company_id,
                _KIND,
                each.problem,
                {"problem": each.problem, "angle": each.angle},
                source=each.source,
                evidence=each.evidence,
                confidence=each.confidence,
                now=now,
            )
        await drop_facts(session, company_id, _KIND, [each.problem for each in problems])


def _one(problem: Problem) -> Problems:
    return Problems(problems=[problem])


def _show(problems: Sequence[Problem], sources: Sequence[str], unread: str | None) -> ProblemsState:
    shown: list[FoundProblem] = [
        {
            "problem": each.problem,
            "evidence": each.evidence,
            "angle": each.angle,
            "source": each.source,
            "confidence": each.confidence,
        }
        for each in problems
    ]
    return {
        "problems": shown,
        "sources": list(sources),
        "unread": unread,
        "dropped": 0,
        "provenance": None,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        ProblemsState,
        context_schema=SalesContext,
        input_schema=ProblemsInput,
        output_schema=ProblemsOutput,
    )
    builder.add_node("find", find)
    builder.add_edge(START, "find")
    builder.add_edge("find", END)
    return builder.compile(checkpointer=checkpointer, name="company_problems")
