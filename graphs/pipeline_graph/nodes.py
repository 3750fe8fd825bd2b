"""The nodes of pipeline that see all of it. The interrupt has a node of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.types import Overwrite, Send, interrupt

from graphs.pipeline_graph.discovery import find_companies
from graphs.pipeline_graph.reports import make_failure, make_report
from graphs.pipeline_graph.request import read_limits, read_request
from graphs.pipeline_graph.rows import list_candidates, open_campaign
from graphs.pipeline_graph.selection import choose_contacts, narrow
from graphs.pipeline_graph.state import Chosen, One, PipelineState
from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.remote import CallFailed, call_thread
from graphs.sales.settings import clean

_SHOWN = tuple(Chosen.__annotations__)


async def prepare(state: PipelineState, config: RunnableConfig) -> PipelineState:
    """Check everything before anything is done. A pipeline that came to its end stays as it is."""
    if state.get("status") in ("done", "refused"):
        return {"status": state["status"]}
    request = read_request(state, _thread(config))
    campaign_id = clean(state.get("campaign_id"))[:64] or request.pipeline_id
    given = (clean(state.get("product_id")) or None, clean(state.get("mailbox_id")) or None)
    product_id = await open_campaign(await open_database(), campaign_id, *given, read_now())
    fresh: dict[str, Any] = {
        "pipeline_id": request.pipeline_id, "campaign_id": campaign_id,
        "product_id": product_id or "", "status": "running", "reason": None, "companies": [],
        "chosen": [], "left_out": {}, "threads": [], "answer": {}, "reports": Overwrite({}),
        "failures": Overwrite([]), "fits": Overwrite({}), "ranks": Overwrite({}),
    }  # fmt: skip
    return cast("PipelineState", fresh)


async def discover(state: PipelineState, config: RunnableConfig) -> PipelineState:
    """Companies; without any the pipeline is over."""
    found = await find_companies(read_request(state, _thread(config)))
    if found["companies"]:
        return found
    failed = bool(found["reports"]["discover"]["errors"])
    reason = "DiscoveryFailed" if failed else "NoCompanies"
    return {**found, "status": "failed" if failed else "done", "reason": reason}


async def choose(state: PipelineState) -> PipelineState:
    """Who is written to, of all contacts of all companies."""
    known = (state.get("fits") or {}, state.get("ranks") or {})
    candidates = await list_candidates(await open_database(), state["companies"], *known)
    selection = choose_contacts(candidates, read_limits(state.get("limits")))
    chosen = [_show(asdict(each)) for each in selection.chosen]
    over: PipelineState = {} if chosen else {"status": "done", "reason": "NobodyChosen"}
    return {
        "chosen": chosen,
        "left_out": dict(selection.left_out),
        "reports": {"score": make_report(created=len(chosen))},
        **over,
    }


async def approval(state: PipelineState) -> PipelineState:
    """Ask a person: {"approved": true, "contact_ids"?: [...]} or {"approved": false}."""
    names = ("pipeline_id", "campaign_id", "reports", "chosen", "left_out", "reason")
    asked = {name: state.get(name) for name in names}
    answer = interrupt({"status": "needs_approval", **asked})
    return {"answer": dict(answer) if isinstance(answer, Mapping) else {"approved": answer}}


async def settle(state: PipelineState) -> PipelineState:
    """What the answer means: go, stop, or ask again."""
    answer = state.get("answer") or {}
    if answer.get("approved") is False:
        return {"status": "refused", "reason": "ApprovalRefused"}
    if answer.get("approved") is not True:
        return {"status": "needs_approval", "reason": None}
    try:
        kept = narrow(state["chosen"], answer.get("contact_ids"))
    except ValueError as error:
        # An answer that fails would be the answer for good: it is told instead, and asked again.
        return {"status": "needs_approval", "reason": str(error)}
    return {"chosen": [_show(each) for each in kept], "status": "running", "reason": None}


async def start_campaign(state: One) -> PipelineState:
    """The campaign's thread of one contact, run in the email pool until it sleeps."""
    campaign_id, contact_id = state["campaign_id"], state["contact_id"]
    given = {"campaign_id": campaign_id, "contact_id": contact_id}
    try:
        _, is_new = await call_thread(
            make_thread(campaign_id, contact_id), "campaign", given,
            scope=f"pipeline-{state['pipeline_id']}",
        )  # fmt: skip
    except CallFailed as error:
        failure = make_failure("start", contact_id, error)
        return {"reports": {"start": make_report(1, 0, 1)}, "failures": [failure]}
    return {"reports": {"start": make_report(1, int(is_new))}}


async def finish(state: PipelineState) -> PipelineState:
    """Name the threads that go on from here."""
    ids = [each["contact_id"] for each in state["chosen"]]
    threads = [make_thread(state["campaign_id"], contact_id) for contact_id in ids]
    failed = {each["item"] for each in state.get("failures") or [] if each["stage"] == "start"}
    going = [thread for thread, each in zip(threads, ids, strict=True) if each not in failed]
    return {"status": "done", "threads": going}


def spread(node: str, state: PipelineState) -> list[Send]:
    """One parallel step per company."""
    return [Send(node, _make_one(state, company_id=each)) for each in state["companies"]]


def spread_contacts(state: PipelineState) -> list[Send]:
    """One parallel step per chosen contact."""
    return [
        Send("start_campaign", _make_one(state, contact_id=each["contact_id"]))
        for each in state["chosen"]
    ]


def make_thread(campaign_id: str, contact_id: str) -> str:
    """The thread of a campaign and a contact."""
    return f"campaign-{campaign_id}-{contact_id}"


def _make_one(state: PipelineState, company_id: str = "", contact_id: str = "") -> One:
    return One(
        pipeline_id=state["pipeline_id"],
        campaign_id=state["campaign_id"],
        product_id=state.get("product_id") or "",
        company_id=company_id,
        contact_id=contact_id,
    )


def _show(each: Mapping[str, Any]) -> Chosen:
    return {name: each[name] for name in _SHOWN}  # type: ignore[return-value]


def _thread(config: RunnableConfig) -> str:
    return str((config.get("configurable") or {}).get("thread_id") or "")
