"""The first stage: companies, from the discovery pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphs.pipeline_graph.reports import Failure, make_failure, make_report
from graphs.pipeline_graph.request import Request
from graphs.pipeline_graph.state import PipelineState
from graphs.sales.remote import CallFailed, call_graph

_STAGE = "discover"
_MOST_OF_A_VERTICAL = 100


async def find_companies(request: Request) -> PipelineState:
    """Ids of companies, new ones and known ones alike: a resumed pipeline meets its own again."""
    assistant_id, given = make_call(request)
    try:
        answer = await call_graph(assistant_id, given, scope=f"pipeline-{request.pipeline_id}")
    except CallFailed as error:
        item = request.seed_query or request.vertical_slug or f"{len(request.domains)} domains"
        return {
            "companies": [],
            "reports": {_STAGE: make_report(errors=1)},
            "failures": [make_failure(_STAGE, item, error)],
        }
    new, known = list_ids(answer.get("inserted_ids")), list_ids(answer.get("skipped_existing"))
    failures = list_rejected(answer.get("rejected"))
    found = list(dict.fromkeys([*new, *known]))[: request.limits.companies]
    processed = len(new) + len(known) + len(failures)
    report = make_report(processed, len(new), len(failures))
    return {"companies": found, "reports": {_STAGE: report}, "failures": failures}


def make_call(request: Request) -> tuple[str, dict[str, Any]]:
    """The graph that looks, and its input."""
    limit = request.limits.companies
    if request.vertical_slug:
        given = {"vertical_slug": request.vertical_slug, "limit": min(limit, _MOST_OF_A_VERTICAL)}
        return "vertical_discovery", given
    told = {
        "seed_query": request.seed_query,
        "domains": list(request.domains),
        "geography": request.geography,
        "size": request.size,
    }
    return "company_discovery", {**{k: v for k, v in told.items() if v}, "limit": limit}


def list_ids(value: object) -> list[str]:
    """The ids in an answer."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def list_rejected(value: object) -> list[Failure]:
    """What discovery would not take, `[{"domain", "reason", "message"}]`, as failures."""
    rejected = value if isinstance(value, list) else []
    return [
        make_failure(
            _STAGE, str(each.get("domain")), f"{each.get('reason')}: {each.get('message')}"
        )
        for each in rejected
        if isinstance(each, Mapping)
    ]
