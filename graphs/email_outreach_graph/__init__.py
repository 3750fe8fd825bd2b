"""email_outreach: one touch to one contact, or the reason not to write."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.email_outreach_graph.drafting import write_touch
from graphs.sales.checks import MAIL_CHECKS
from graphs.sales.drafts import Draft, read_company, read_person, to_html
from graphs.sales.eligibility import find_skip_reason
from graphs.sales.prompts import load_prompt
from graphs.sales.settings import SalesContext, make_variables, read_context
from graphs.sales.tasks import Provenance, Task, run_task


class OutreachInput(TypedDict, total=False):
    """``contact`` {name, email, title, country, ...} and ``company`` {name, signals, ...} inline.

    ``touch_no`` counts from 1. ``product_id`` names the product when the context names none.
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
    contact = state.get("contact")
    if not contact:
        raise ValueError(
            "Send contact inline: an object with name, email and title. A contact_id alone "
            "cannot be looked up, since no contact database is configured."
        )
    touch_no = state.get("touch_no", 1)
    if isinstance(touch_no, bool) or not isinstance(touch_no, int) or touch_no < 1:
        raise ValueError("touch_no counts from 1; send a whole number.")
    settings = read_context(runtime.context)
    skip = find_skip_reason(contact, settings)
    if skip:
        return {"skip_reason": skip, "subject": "", "text": "", "html": ""}
    person = read_person(contact)
    company = read_company(state.get("company")) or read_company(person.get("company"))
    variables = {
        **make_variables(settings),
        "contact": person,
        "company": company,
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
