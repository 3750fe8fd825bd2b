"""unsubscribe_apply: somebody wants no more mail, and gets none from this moment on.

By the token of a link, by an address, or as the page behind the link: GET shows a button and
changes nothing, since programs follow links; POST unsubscribes at once (RFC 8058).
"""

from collections.abc import Mapping
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from sqlalchemy import select
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import Database, open_database
from graphs.sales.data.ids import normalise_address
from graphs.sales.data.outreach import Touch
from graphs.sales.data.people import Contact
from graphs.sales.eligibility import is_address
from graphs.sales.fleet import wake_campaigns
from graphs.sales.mailing.optout import opt_out
from graphs.sales.mailing.tokens import InvalidToken, Unsubscription, read_link_token
from graphs.sales.settings import SalesContext, clean
from graphs.sales.spans import count
from graphs.unsubscribe_apply_graph.page import render_page


class PageRequest(TypedDict, total=False):
    """How the page was called."""

    method: Literal["GET", "POST"]
    query: dict[str, str]
    form: dict[str, str]


class UnsubscribeInput(TypedDict, total=False):
    """`token` of an unsubscribe link, or `address`; `source` says where the wish came from, such as
    `phone`. `request` is set when the graph is called as a page.
    """

    token: str
    address: str
    source: str
    request: PageRequest
    now: str


class UnsubscribeOutput(TypedDict, total=False):
    """`suppressed`: it was not before. `scope`: `all`, or a campaign's id.

    `threads_stopped`: campaigns that were told at once; the others notice before their next mail.
    """

    suppressed: bool
    scope: str
    threads_stopped: int
    response: dict[str, Any]


class UnsubscribeState(UnsubscribeInput, UnsubscribeOutput, total=False):
    """Input and output together; `pairs` are (campaign, contact)."""

    pairs: list[tuple[str, str]]


async def apply(state: UnsubscribeState, runtime: Runtime[SalesContext]) -> UnsubscribeState:
    """Do what the caller asks, or show the page that asks."""
    del runtime
    request = state.get("request")
    if request is not None:
        return await _serve(request, state)
    token, address = clean(state.get("token")), normalise_address(clean(state.get("address")))
    if bool(token) == bool(address):
        raise ValueError("Send token of an unsubscribe link, or address.")
    source = clean(state.get("source")) or "api"
    if token:
        return await _by_token(token, source, state)
    if not is_address(address):
        raise ValueError("address is no mail address.")
    database = await open_database()
    return await _unsubscribe(database, address, None, "all", source, state)


async def _serve(request: Mapping[str, Any], state: UnsubscribeState) -> UnsubscribeState:
    token = clean((request.get("query") or {}).get("token"))
    try:
        target = read_link_token(token, await (await open_database()).read_salt())
    except InvalidToken:
        return {"response": render_page("invalid"), "suppressed": False}
    if request.get("method") != "POST":
        return {"response": render_page("ask"), "suppressed": False, "scope": target.scope}
    if (request.get("form") or {}).get("List-Unsubscribe") != "One-Click":
        return {"response": render_page("wrong"), "suppressed": False}
    done = await _by_token(token, "link", state)
    return {**done, "response": render_page("done")}


async def _by_token(token: str, source: str, state: UnsubscribeState) -> UnsubscribeState:
    database = await open_database()
    try:
        target: Unsubscription = read_link_token(token, await database.read_salt())
    except InvalidToken as error:
        raise ValueError(str(error)) from None
    async with database.read() as session:
        contact = await session.get(Contact, target.contact_id)
    # Somebody who was erased is suppressed already; the link still says that all is well.
    address = contact.email or "" if contact else ""
    return await _unsubscribe(database, address, target.contact_id, target.scope, source, state)


async def _unsubscribe(
    database: Database,
    address: str,
    contact_id: str | None,
    scope: str,
    source: str,
    state: UnsubscribeState,
) -> UnsubscribeState:
    salt, now = await database.read_salt(), read_now(state.get("now"))
    async with database.begin() as session:
        is_new = await opt_out(
            session, address, contact_id, salt, now, source=source[:200], scope=scope
        )
        who = contact_id or await session.scalar(select(Contact.id).where(Contact.email == address))
        written = select(Touch.campaign_id).where(
            Touch.contact_id == who, Touch.campaign_id.is_not(None)
        )
        campaigns = await session.scalars(written.distinct())
        pairs = [(each, who) for each in campaigns if each and who]
    count("mail.suppressed", reason="unsubscribed")
    return {"suppressed": is_new, "scope": scope, "pairs": pairs}


async def tell_campaigns(state: UnsubscribeState) -> UnsubscribeState:
    """The person's campaigns stop now."""
    return {"threads_stopped": await wake_campaigns(state.get("pairs") or [])}


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        UnsubscribeState,
        context_schema=SalesContext,
        input_schema=UnsubscribeInput,
        output_schema=UnsubscribeOutput,
    )
    builder.add_node("apply", apply)
    builder.add_node("tell_campaigns", tell_campaigns)
    builder.add_edge(START, "apply")
    builder.add_edge("apply", "tell_campaigns")
    builder.add_edge("tell_campaigns", END)
    return builder.compile(checkpointer=checkpointer, name="unsubscribe_apply")


graph = build_graph()
