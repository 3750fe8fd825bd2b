"""email_verify: whether mail to an address arrives, by its form, its domain and what mail came to.

Nobody is written to. Whether the mailbox itself exists is known only of those that replied or
bounced, and of those whose server was asked (`smtp_probe` in the context, which is off).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from graphs.email_verify_graph.evidence import (
    NAME,
    ask_dns,
    has_bounced,
    has_replied,
    is_refusing_strangers,
    was_delivered,
)
from graphs.email_verify_graph.judging import Evidence, Status, Verdict, judge
from graphs.email_verify_graph.probing import ask_server
from graphs.sales.addresses import Address, InvalidAddress, parse_address
from graphs.sales.clock import read_now
from graphs.sales.data import Database, open_database
from graphs.sales.data.people import Contact
from graphs.sales.data.provenance import set_field
from graphs.sales.settings import SalesContext, clean, read_context


class VerifyInput(TypedDict, total=False):
    """`contact_id` of the database, or `email`. `now` (ISO 8601) stands in for the clock."""

    contact_id: str | None
    email: str
    now: str


class VerifyOutput(TypedDict, total=False):
    """`reasons` are words such as Bounced, NullMx, Role; `detail` says what is wrong with the form.

    `mx` are the mail servers, best first. `catch_all`: whether the domain takes mail for everybody;
    null where nothing tells. `stored`: whether the contact's `email_status` was set.
    """

    contact_id: str | None
    status: Status
    confidence: float
    reasons: list[str]
    detail: str
    mx: list[str]
    role: bool
    disposable: bool
    catch_all: bool | None
    stored: bool


class VerifyState(VerifyInput, VerifyOutput, total=False):
    """Input and output together."""


async def verify(state: VerifyState, runtime: Runtime[SalesContext]) -> VerifyState:
    """Gather the evidence, judge it, and note it with the contact."""
    sender = _read_sender(read_context(runtime.context))
    contact_id, text = clean(state.get("contact_id")), clean(state.get("email"))
    if bool(contact_id) == bool(text):
        raise ValueError("Send contact_id, or email.")
    database, now = await open_database(), read_now(state.get("now"))
    async with database.read() as session:
        contact = await _find(session, contact_id, text)
    if contact is not None and not contact.email:
        raise ValueError(f"contact {contact.id} has no address: nothing can be verified.")
    text = (contact.email if contact else None) or text
    found = await _judge(database, contact, text, sender, now)
    stored = contact is not None and await _store(database, contact.id, found, now)
    return {**found, "contact_id": contact.id if contact else None, "stored": stored}


async def _find(session: AsyncSession, contact_id: str, text: str) -> Contact | None:
    """The contact by its id, or by an address that one has."""
    if not contact_id:
        found: Contact | None = await session.scalar(
            select(Contact).where(Contact.email == text.lower())
        )
        return found
    row = await session.get(Contact, contact_id)
    if row is not None and row.merged_into:
        row = await session.get(Contact, row.merged_into)
    if row is None:
        raise ValueError(f"no contact {contact_id}")
    return row


def _read_sender(context: Mapping[str, Any]) -> str | None:
    """As whom mail servers are asked; None where they are not."""
    if not context.get("smtp_probe"):
        return None
    try:
        return str(parse_address(clean(context.get("probe_sender"))))
    except InvalidAddress:
        raise ValueError(
            "smtp_probe needs probe_sender in the context: an address of yours that takes mail."
        ) from None


async def _judge(
    database: Database, contact: Contact | None, text: str, sender: str | None, now: datetime
) -> VerifyState:
    try:
        address = parse_address(text)
    except InvalidAddress as error:
        verdict = Verdict("invalid", 1.0, ("Syntax",))
        return {**_show(verdict), "detail": str(error)}
    evidence, servers = await _gather(database, contact, address, now)
    if sender and evidence.dns in ("mx", "address") and not evidence.is_settled:
        probe = await ask_server(address, servers, sender)
        evidence = replace(
            evidence,
            asked=probe.asked,
            catch_all=evidence.catch_all if probe.catch_all is None else probe.catch_all,
        )
    return {
        **_show(judge(evidence)),
        "mx": servers,
        "role": evidence.is_role,
        "disposable": evidence.is_disposable,
        "catch_all": evidence.catch_all,
    }


async def _gather(
    database: Database, contact: Contact | None, address: Address, now: datetime
) -> tuple[Evidence, list[str]]:
    dns, servers = await ask_dns(address.domain)
    known = Evidence(dns, address.is_role, address.is_disposable)
    if contact is None:
        return known, servers
    salt = await database.read_salt()
    async with database.read() as session:
        refusing = await is_refusing_strangers(session, contact, address.domain)
        evidence = Evidence(
            dns,
            address.is_role,
            address.is_disposable,
            has_replied=await has_replied(session, contact),
            has_bounced=await has_bounced(session, contact, salt),
            was_delivered=await was_delivered(session, contact, now),
            catch_all=False if refusing else None,
        )
    return evidence, servers


def _show(verdict: Verdict) -> VerifyState:
    return {
        "status": verdict.status,
        "confidence": verdict.confidence,
        "reasons": list(verdict.reasons),
        "detail": "",
        "mx": [],
        "role": False,
        "disposable": False,
        "catch_all": None,
    }


async def _store(database: Database, contact_id: str, found: VerifyState, now: datetime) -> bool:
    """Note it, unless nothing was found out; what a person or a mail server said stays."""
    salt = await database.read_salt()
    async with database.begin() as session:
        row = await session.get(Contact, contact_id, with_for_update=True)
        # A bounce may have come while the DNS was asked; what tells of it is not replaced.
        if row is None or found["status"] == "unknown" or await has_bounced(session, row, salt):
            return False
        set_field(
            row,
            "email_status",
            found["status"],
            source=NAME,
            now=now,
            confidence=found["confidence"],
        )
        return row.email_status == found["status"]


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        VerifyState,
        context_schema=SalesContext,
        input_schema=VerifyInput,
        output_schema=VerifyOutput,
    )
    builder.add_node("verify", verify)
    builder.add_edge(START, "verify")
    builder.add_edge("verify", END)
    return builder.compile(checkpointer=checkpointer, name="email_verify")


graph = build_graph()
