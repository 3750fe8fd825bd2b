"""email_compose: one mail to one person, from notes and instructions."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.email_compose_graph.drafting import compose
from graphs.sales.checks import MAIL_CHECKS
from graphs.sales.data import open_database
from graphs.sales.drafts import Draft, make_draft, read_company, read_person
from graphs.sales.lookup import find_company, find_contact, find_product, lay_over
from graphs.sales.prompts import load_prompt
from graphs.sales.settings import SalesContext, clean, make_variables, read_context
from graphs.sales.tasks import Provenance, Task, run_task


class ComposeInput(TypedDict, total=False):
    """``recipient``: ``Name <address>`` or {name, email, title}; ``company``: name or facts; or
    ``contact_id`` and ``product_id`` of the database.
    """

    recipient: str | dict[str, Any]
    company: str | dict[str, Any]
    contact_id: str
    product_id: str
    context: str
    instructions: str


class ComposeOutput(TypedDict, total=False):
    """``draft`` is subject and body as one text."""

    subject: str
    body: str
    draft: str
    provenance: Provenance


class ComposeState(ComposeInput, ComposeOutput, total=False):
    """Input and output together."""


TASK = Task(
    name="email_compose",
    version="1",
    schema=Draft,
    prompt=load_prompt(__file__),
    rules=compose,
    checks=MAIL_CHECKS,
    untrusted=frozenset({"context"}),
)


async def write_mail(state: ComposeState, runtime: Runtime[SalesContext]) -> ComposeState:
    """Run the task on the given facts."""
    recipient, given, settings = await _look_up(state, read_context(runtime.context))
    person, company = read_person(recipient), read_company(given)
    if not person:
        raise ValueError(
            "Send recipient: a name, 'Name <address>', or an object with name, email and title; "
            "or contact_id."
        )
    if not company and person.get("company"):
        company = {"name": person["company"]}
    variables = {
        **make_variables(settings),
        "recipient": person,
        "company": company,
        "context": str(state.get("context") or ""),
        "instructions": str(state.get("instructions") or ""),
    }
    draft, provenance = await run_task(TASK, variables, settings)
    return {
        "subject": draft.subject,
        "body": draft.body,
        "draft": make_draft(draft),
        "provenance": provenance,
    }


async def _look_up(
    state: ComposeState, settings: dict[str, Any]
) -> tuple[Any, Any, dict[str, Any]]:
    """Recipient, company, and the context with the product's words; what is inline wins."""
    recipient, company = state.get("recipient"), state.get("company")
    contact_id, product_id = clean(state.get("contact_id")), clean(state.get("product_id"))
    if not contact_id and not product_id:
        return recipient, company, settings
    database = await open_database()
    if contact_id and not recipient:
        recipient = await find_contact(database, contact_id)
        if recipient is None:
            raise ValueError(f"No contact {contact_id} is in the database; send recipient.")
        company = company or await find_company(database, recipient["company_id"])
    return recipient, company, lay_over(settings, await find_product(database, product_id))


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        ComposeState,
        context_schema=SalesContext,
        input_schema=ComposeInput,
        output_schema=ComposeOutput,
    )
    builder.add_node("write_mail", write_mail)
    builder.add_edge(START, "write_mail")
    builder.add_edge("write_mail", END)
    return builder.compile(checkpointer=checkpointer, name="email_compose")


graph = build_graph()
