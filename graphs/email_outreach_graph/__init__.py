"""email_outreach: one touch to one contact, or the reason not to write."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.email_outreach_graph.drafting import write_touch
from graphs.sales.checks import MAIL_CHECKS
from graphs.sales.data import open_database
from graphs.sales.drafts import Draft, read_company, read_person, to_html
from graphs.sales.eligibility import find_skip_reason
from graphs.sales.lookup import (
    find_campaign_product,
    find_company,
    find_contact,
    find_product,
    lay_over,
)
from graphs.sales.mailing.tokens import make_unsubscribe_url
from graphs.sales.prompts import load_prompt
from graphs.sales.settings import SalesContext, clean, make_variables, read_context
from graphs.sales.tasks import Provenance, Task, run_task


class OutreachInput(TypedDict, total=False):
    """``contact_id`` of the database, or ``contact`` {name, email, title, country, ...} and
    ``company`` {name, signals, ...} inline, which win.

    ``touch_no`` counts from 1. ``product_id`` is the database's; without one the campaign's, and a
    name that is not in the database is the product's name.
    """

    contact_id: str
    contact: dict[str, Any]
    company: str | dict[str, Any]
    campaign_id: str
    touch_no: int
    product_id: str
    thread_subject: str


class OutreachOutput(TypedDict, total=False):
    """``skip_reason`` is PascalCase; when it is set there is no mail."""

    subject: str
    text: str
    html: str
    skip_reason: str | None
    provenance: Provenance


class OutreachState(OutreachInput, OutreachOutput, total=False):
    """Input and output together."""


TASK = Task(
    name="email_outreach",
    version="1",
    schema=Draft,
    prompt=load_prompt(__file__),
    rules=write_touch,
    checks=MAIL_CHECKS,
    untrusted=frozenset({"company"}),
)


async def write_outreach(state: OutreachState, runtime: Runtime[SalesContext]) -> OutreachState:
    """Draft the touch unless the contact must not get one."""
    touch_no = state.get("touch_no", 1)
    if isinstance(touch_no, bool) or not isinstance(touch_no, int) or touch_no < 1:
        raise ValueError("touch_no counts from 1; send a whole number.")
    contact, company, settings = await _look_up(state, read_context(runtime.context))
    skip = find_skip_reason(contact, settings)
    if skip:
        return {"skip_reason": skip, "subject": "", "text": "", "html": ""}
    person = read_person(contact)
    variables = {
        **make_variables(settings),
        "contact": person,
        "company": read_company(company) or read_company(person.get("company")),
        "touch_no": touch_no,
        "thread_subject": str(state.get("thread_subject") or ""),
    }
    variables["product"] = variables["product"] or str(state.get("product_id") or "")
    draft, provenance = await run_task(TASK, variables, settings)
    return {
        "subject": draft.subject,
        "text": draft.body,
        "html": to_html(draft.body),
        "skip_reason": "DraftRefused" if provenance["problems"] else None,
        "provenance": provenance,
    }


async def _look_up(
    state: OutreachState, settings: dict[str, Any]
) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Contact, company, and the context with the product's words; inline facts win."""
    contact, company = state.get("contact"), state.get("company")
    contact_id, campaign_id = clean(state.get("contact_id")), clean(state.get("campaign_id"))
    if contact and not contact_id:
        return contact, company, settings
    if not contact_id:
        raise ValueError("Send contact_id, or contact inline: an object with name and email.")
    database = await open_database()
    if not contact:
        contact = await find_contact(database, contact_id, campaign_id or None)
        if contact is None:
            raise ValueError(f"No contact {contact_id} is in the database; send contact inline.")
        company = company or await find_company(database, contact["company_id"])
    product_id = clean(state.get("product_id")) or await find_campaign_product(
        database, campaign_id
    )
    settings = lay_over(settings, await find_product(database, product_id))
    link = make_unsubscribe_url(
        clean(settings.get("unsubscribe_url")), contact_id, await database.read_salt()
    )
    return contact, company, {**settings, "unsubscribe_url": link or ""}


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        OutreachState,
        context_schema=SalesContext,
        input_schema=OutreachInput,
        output_schema=OutreachOutput,
    )
    builder.add_node("write_outreach", write_outreach)
    builder.add_edge(START, "write_outreach")
    builder.add_edge("write_outreach", END)
    return builder.compile(checkpointer=checkpointer, name="email_outreach")


graph = build_graph()
