"""Stand-ins for graphs of the sales fleet: they write the rows that the real ones write.

Each call is a line `<assistant> <what about>` of the file `SALES_TESTS_CALLS`. A domain says what
becomes of its company: `failing.example` has no contacts to be found, and `slow.example` makes its
enrichment wait until the file `SALES_TESTS_GATE` is there.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from sqlalchemy import select

from graphs.sales.data import open_database
from graphs.sales.data.history import Message
from graphs.sales.data.once import insert_once
from graphs.sales.data.people import Company, Contact


class State(TypedDict, total=False):
    domains: list[str]
    company_id: str
    contact_id: str
    product_id: str
    opportunity_id: str
    message_id: str
    inserted_ids: list[str]
    skipped_existing: list[str]
    rejected: list[dict[str, str]]
    inserted: int
    status: str
    tier: str
    ranked: list[dict[str, Any]]
    left_out: list[dict[str, str]]
    label: str
    subject: str
    body: str
    needs_approval: bool


def note(assistant_id: str, about: str) -> None:
    with Path(os.environ["SALES_TESTS_CALLS"]).open("a") as file:
        file.write(f"{assistant_id} {about}\n")


async def company_discovery(state: State) -> State:
    note("company_discovery", str(len(state["domains"])))
    new, known, rejected = [], [], []
    now = datetime.now(UTC)
    async with (await open_database()).begin() as session:
        for domain in state["domains"]:
            name = domain.partition(".")[0]
            if name == "parked":
                rejected.append({"domain": domain, "reason": "Parked", "message": "it is for sale"})
                continue
            is_new = await insert_once(
                session, Company, id=name, name=name, domain=domain, provenance={},
                created_at=now, updated_at=now,
            )  # fmt: skip
            (new if is_new else known).append(name)
    return {"inserted_ids": new, "skipped_existing": known, "rejected": rejected}


async def company_enrichment(state: State) -> State:
    note("company_enrichment", state["company_id"])
    gate = Path(os.environ["SALES_TESTS_GATE"])
    while state["company_id"].startswith("slow") and not gate.exists():
        await asyncio.sleep(0.02)
    return {"company_id": state["company_id"]}


async def contact_discovery(state: State) -> State:
    company_id = state["company_id"]
    note("contact_discovery", company_id)
    if company_id.startswith("failing"):
        raise ValueError("the site has no page about people")
    now = datetime.now(UTC)
    async with (await open_database()).begin() as session:
        inserted = [
            await insert_once(
                session, Contact, id=f"{company_id}-{who}", company_id=company_id, name=who,
                email=f"{who}@{company_id}.example", title=who, basis="legitimate_interest",
                provenance={}, created_at=now, updated_at=now,
            )
            for who in ("boss", "intern")
        ]  # fmt: skip
    return {"inserted": sum(inserted)}


async def email_verify(state: State) -> State:
    status = "invalid" if state["contact_id"].startswith("gone") else "valid"
    await _change("email_verify", state, email_status=status)
    return {"status": status}


async def find_decision_maker(state: State) -> State:
    note("find_decision_maker", state["company_id"])
    async with (await open_database()).read() as session:
        query = select(Contact).where(Contact.company_id == state["company_id"])
        people = list(await session.scalars(query))
    left_out = [
        {"contact_id": row.id, "reason": "Suppressed"} for row in people if row.id == "one-intern"
    ]
    ranked = [
        {"contact_id": row.id, "authority": 0.5, "decides": row.title == "boss"} for row in people
    ]
    return {"ranked": ranked, "left_out": left_out}


async def score_contact(state: State) -> State:
    score = 0.9 if state["contact_id"].endswith("boss") else 0.2
    await _change("score_contact", state, score=score, tier="A" if score > 0.5 else "D")
    return {"tier": "A"}


async def icp_fit(state: State) -> State:
    note("icp_fit", state["company_id"])
    return {"tier": "disqualified" if state["company_id"].startswith("tiny") else "warm"}


async def quiet(state: State) -> State:
    """Stands for graphs whose work nobody reads here."""
    note("other", state.get("contact_id") or state.get("company_id") or "")
    return {"company_id": state.get("company_id", "")}


async def classify_reply(state: State) -> State:
    note("classify_reply", state["message_id"])
    words = {"interested": "interested", "not for us": "not_interested"}
    async with (await open_database()).read() as session:
        row = await session.get_one(Message, state["message_id"])
    found = (label for word, label in words.items() if word in row.raw)
    return {"label": next(found, "not_now")}


async def email_reply(state: State) -> State:
    note("email_reply", state["message_id"])
    return {"subject": "Re: Hello", "body": "Thanks.", "needs_approval": True}


async def email_opportunity(state: State) -> State:
    note("email_opportunity", state["opportunity_id"])
    return {"subject": "Next steps", "body": "Shall we?"}


async def _change(assistant_id: str, state: State, **fields: Any) -> None:
    note(assistant_id, state["contact_id"])
    async with (await open_database()).begin() as session:
        row = await session.get_one(Contact, state["contact_id"])
        for name, value in fields.items():
            setattr(row, name, value)


def _build(node: Any) -> Any:
    def build(checkpointer: Any = None) -> Any:
        graph = StateGraph(State)
        graph.add_node("work", node)
        graph.add_edge(START, "work")
        graph.add_edge("work", END)
        return graph.compile(checkpointer=checkpointer, name=node.__name__)

    return build


build_company_discovery = _build(company_discovery)
build_company_enrichment = _build(company_enrichment)
build_contact_discovery = _build(contact_discovery)
build_email_verify = _build(email_verify)
build_find_decision_maker = _build(find_decision_maker)
build_score_contact = _build(score_contact)
build_icp_fit = _build(icp_fit)
build_quiet = _build(quiet)
build_classify_reply = _build(classify_reply)
build_email_reply = _build(email_reply)
build_email_opportunity = _build(email_opportunity)
