"""email_opportunity: the next mail for a deal in progress."""

from collections.abc import Mapping
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.email_opportunity_graph.drafting import STAGES, write_next_mail
from graphs.sales.checks import MAIL_CHECKS
from graphs.sales.data import open_database
from graphs.sales.drafts import Draft, make_draft, read_company, read_person
from graphs.sales.lookup import find_opportunity
from graphs.sales.prompts import load_prompt
from graphs.sales.settings import SalesContext, clean, make_variables, read_context
from graphs.sales.tasks import Provenance, Task, run_task


class OpportunityInput(TypedDict, total=False):
    """``opportunity_id`` of the database, or ``opportunity`` inline: {name, stage, next_step,
    blockers[], contact{id, name, email, title}, company{name}, last_message_id, last_subject}.
    """

    opportunity_id: str
    opportunity: dict[str, Any]
    instructions: str


class OpportunityOutput(TypedDict, total=False):
    """``in_reply_to`` is the Message-ID the mail answers, or None for a new thread."""

    subject: str
    body: str
    draft: str
    contact_id: str | None
    in_reply_to: str | None
    provenance: Provenance


class OpportunityState(OpportunityInput, OpportunityOutput, total=False):
    """Input and output together."""


TASK = Task(
    name="email_opportunity",
    version="1",
    schema=Draft,
    prompt=load_prompt(__file__),
    rules=write_next_mail,
    checks=MAIL_CHECKS,
    untrusted=frozenset({"opportunity"}),
)


# The stages of opportunity, and the mail that fits each.
MAIL_STAGES = {stage: stage for stage in STAGES} | {
    "new": "discovery",
    "qualified": "discovery",
    "meeting": "demo",
    "proposal": "proposal",
    "negotiation": "negotiation",
    "silent": "stalled",
}


def read_opportunity(value: object) -> dict[str, Any]:
    """The facts the task uses; raises ValueError for a missing contact or an unknown stage."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError(
            "Send opportunity_id, or opportunity inline: an object with stage, contact and company."
        )
    stage = clean(value.get("stage")).lower() or "discovery"
    if stage not in STAGES:
        raise ValueError(f"stage is {stage!r}; send one of {', '.join(STAGES)}.")
    if not read_person(value.get("contact")):
        raise ValueError("Send opportunity.contact: an object with name and email.")
    blockers = value.get("blockers") or []
    blockers = [blockers] if isinstance(blockers, str) else blockers
    texts = ("name", "next_step", "last_message_id", "last_subject")
    return {
        **{key: clean(value.get(key)) for key in texts},
        "stage": stage,
        "blockers": [note for note in (clean(b) for b in blockers) if note],
    }


async def write_mail(state: OpportunityState, runtime: Runtime[SalesContext]) -> OpportunityState:
    """Run the task on the given opportunity."""
    given: Any = state.get("opportunity")
    opportunity_id = clean(state.get("opportunity_id"))
    if not given and opportunity_id:
        given = await find_opportunity(await open_database(), opportunity_id)
        if given is None:
            raise ValueError(
                f"No opportunity {opportunity_id} is in the database; send opportunity inline."
            )
        given = {**given, "stage": MAIL_STAGES.get(given["stage"], "discovery")}
    opportunity = read_opportunity(given)
    facts: Mapping[str, Any] = given or {}
    contact = facts.get("contact")
    person = read_person(contact)
    settings = read_context(runtime.context)
    variables = {
        **make_variables(settings),
        "opportunity": opportunity,
        "contact": person,
        "company": read_company(facts.get("company")) or read_company(person.get("company")),
        "instructions": str(state.get("instructions") or ""),
    }
    draft, provenance = await run_task(TASK, variables, settings)
    known_id = contact.get("id") if isinstance(contact, Mapping) else None
    contact_id = known_id or facts.get("contact_id")
    return {
        "subject": draft.subject,
        "body": draft.body,
        "draft": make_draft(draft),
        "contact_id": str(contact_id) if contact_id is not None else None,
        "in_reply_to": opportunity["last_message_id"] or None,
        "provenance": provenance,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        OpportunityState,
        context_schema=SalesContext,
        input_schema=OpportunityInput,
        output_schema=OpportunityOutput,
    )
    builder.add_node("write_mail", write_mail)
    builder.add_edge(START, "write_mail")
    builder.add_edge("write_mail", END)
    return builder.compile(checkpointer=checkpointer, name="email_opportunity")


graph = build_graph()
