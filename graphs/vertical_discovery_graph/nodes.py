"""The nodes of vertical_discovery: look where the vertical says, then judge each site."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.discovery.demands import read_demands
from graphs.sales.discovery.judging import Rejected, Visited, keep_companies
from graphs.sales.discovery.limits import read_count
from graphs.sales.discovery.profile import Reading
from graphs.sales.discovery.search import (
    Candidate,
    SearchFailed,
    SearchMissing,
    list_companies,
    search_companies,
)
from graphs.sales.settings import SalesContext, clean, read_context
from graphs.sales.tasks import run_task
from graphs.sales.web import Fetcher, FetchFailed, open_web
from graphs.vertical_discovery_graph.definitions import Vertical, load_vertical
from graphs.vertical_discovery_graph.fitting import TASK, make_variables
from graphs.vertical_discovery_graph.state import (
    JudgedCandidate,
    VerticalInput,
    VerticalOutput,
    VerticalSource,
    VerticalState,
)

_MOST_COMPANIES = 100
_CANDIDATES_PER_COMPANY = 5


async def find(state: VerticalState) -> VerticalState:
    """Sites from every source of the vertical, each once."""
    vertical = load_vertical(clean(state.get("vertical_slug")))
    most = _read_limit(state) * _CANDIDATES_PER_COMPANY
    sources: list[VerticalSource] = []
    found: dict[str, Candidate] = {}
    async with open_web() as web:
        for name in (*vertical.directories, *vertical.queries):
            is_page = name in vertical.directories
            candidates, message = await _look(web, name, is_page, most)
            sources.append({"source": name, "found": len(candidates), "message": message})
            for each in candidates:
                found.setdefault(each.domain, each)
    if all(each["message"] for each in sources):
        raise ValueError(f"No source of {vertical.name} can be read. {sources[0]['message']}")
    return {"found": [asdict(each) for each in list(found.values())[:most]], "sources": sources}


async def judge(state: VerticalState, runtime: Runtime[SalesContext]) -> VerticalState:
    """Visit the sites, and keep the companies that fit."""
    vertical = load_vertical(clean(state.get("vertical_slug")))
    context = read_context(runtime.context)
    judged: list[JudgedCandidate] = []

    async def fits(visited: Visited) -> Sequence[Reading] | Rejected:
        return await _judge_one(vertical, context, visited, judged)

    candidates = [Candidate(**each) for each in state.get("found") or []]
    database, now = await open_database(), read_now(state.get("now"))
    demands = read_demands(vertical.geography, "")
    async with open_web() as web:
        outcome = await keep_companies(
            web, database, candidates, demands, _read_limit(state), "vertical_discovery", now, fits
        )
    return {
        "candidates": sorted(judged, key=lambda each: (not each["fits"], -each["confidence"])),
        "inserted_ids": outcome.inserted_ids,
        "skipped_existing": outcome.existing_ids,
        "rejected": [asdict(each) for each in outcome.rejected],
    }


async def _look(
    web: Fetcher, name: str, is_page: bool, most: int
) -> tuple[Sequence[Candidate], str]:
    """What one source has, and what went wrong with it."""
    try:
        if is_page:
            return (await list_companies(web, name))[:most], ""
        return await search_companies(web, name, most), ""
    except (FetchFailed, SearchFailed, SearchMissing) as error:
        return (), str(error)


async def _judge_one(
    vertical: Vertical, context: dict[str, Any], visited: Visited, judged: list[JudgedCandidate]
) -> Sequence[Reading] | Rejected:
    domain = visited.profile.domain
    if visited.page.needs_javascript:
        return Rejected(domain, "NeedsJavascript", "Its site shows programs nothing.")
    fit, provenance = await run_task(TASK, make_variables(vertical, visited.page), context)
    judged.append(
        {
            "domain": domain,
            "name": visited.profile.name,
            "source": visited.candidate.source,
            "fits": fit.fits,
            "confidence": fit.confidence,
            "signs": fit.signs,
            "reason": fit.reason,
            "provenance": provenance,
        }
    )
    if not fit.fits:
        return Rejected(domain, "OutsideVertical", fit.reason)
    return [Reading("category", vertical.category, fit.confidence)]


def _read_limit(state: VerticalState) -> int:
    return read_count(state, "limit", 20, 1, _MOST_COMPANIES)


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        VerticalState,
        context_schema=SalesContext,
        input_schema=VerticalInput,
        output_schema=VerticalOutput,
    )
    builder.add_node("find", find)
    builder.add_node("judge", judge)
    builder.add_edge(START, "find")
    builder.add_edge("find", "judge")
    builder.add_edge("judge", END)
    return builder.compile(checkpointer=checkpointer, name="vertical_discovery")


graph = build_graph()
