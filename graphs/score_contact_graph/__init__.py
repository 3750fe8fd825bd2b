"""score_contact: how worthwhile it is to write to a contact, and why."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.sales.clock import read_now
from graphs.sales.data import open_database
from graphs.sales.data.people import Contact
from graphs.sales.scoring.features import make_features
from graphs.sales.scoring.fit import judge_fit
from graphs.sales.scoring.models import Version, find_promoted
from graphs.sales.scoring.records import (
    describe_contact,
    find_never,
    read_company,
    read_departments,
    read_icp,
)
from graphs.sales.scoring.score import RULES, RULES_VERSION, judge_contact
from graphs.sales.settings import SalesContext, clean


class ScoreInput(TypedDict, total=False):
    """`contact_id` of the database, whose score is stored; or `contact` {name, email, email_status,
    title, department, authority_score} and `company` inline, scored by the rules.

    `product_id` says what is sold: its profile weighs the company and names departments; inline it
    is `icp`. `now` (ISO 8601) stands in for the clock.
    """

    contact_id: str
    contact: dict[str, Any]
    company: dict[str, Any]
    product_id: str
    icp: dict[str, Any]
    now: str


class ScoreOutput(TypedDict, total=False):
    """`score` is 0 to 1, `tier` A to D, `reasons` at most three. `model_version` names the weights:
    `rules-1`, or what learn_scores promoted last.
    """

    score: float
    tier: str
    reasons: list[str]
    model_version: str


class ScoreState(ScoreInput, ScoreOutput, total=False):
    """Input and output together."""


class Found(TypedDict):
    """What a score is made of."""

    contact: dict[str, Any]
    company: dict[str, Any] | None
    icp: dict[str, Any] | None
    never: str | None
    version: Version


async def score(state: ScoreState, runtime: Runtime[SalesContext]) -> ScoreState:
    """Weigh the contact; the row keeps the score where there is one."""
    del runtime
    now = read_now(state.get("now"))
    contact_id = clean(state.get("contact_id"))
    found = await _look_up(state, contact_id) if contact_id else _read(state)
    icp, company = found["icp"], found["company"]
    features = make_features(
        found["contact"],
        company,
        fit=judge_fit(company, icp).fit if company and icp else None,
        departments=read_departments(icp),
        now=now,
    )
    told = judge_contact(features, found["version"].weights, found["never"])
    if contact_id:
        async with (await open_database()).begin() as session:
            row = await session.get_one(Contact, found["contact"]["id"])
            row.score, row.tier = told.score, told.tier
            row.score_version = found["version"].version
    return {
        "score": told.score,
        "tier": told.tier,
        "reasons": list(told.reasons),
        "model_version": found["version"].version,
    }


def _read(state: ScoreState) -> Found:
    contact = state.get("contact")
    if not isinstance(contact, dict) or not contact:
        raise ValueError("Send contact_id, or contact inline: an object with title and email.")
    return {
        "contact": contact,
        "company": state.get("company"),
        "icp": state.get("icp"),
        "never": None if contact.get("email") else "Has no address",
        "version": Version(RULES_VERSION, RULES),
    }


async def _look_up(state: ScoreState, contact_id: str) -> Found:
    product_id = clean(state.get("product_id"))
    async with (await open_database()).read() as session:
        row = await session.get(Contact, contact_id)
        if row is not None and row.merged_into:
            row = await session.get(Contact, row.merged_into)
        if row is None:
            raise ValueError(f"No contact {contact_id} is in the database; send contact_id.")
        icp = await read_icp(session, product_id)
        if product_id and icp is None:
            raise ValueError(f"No product {product_id} is in the database; send product_id.")
        return {
            "contact": {"id": row.id, **describe_contact(row)},
            "company": await read_company(session, row.company_id),
            "icp": dict(icp) if icp is not None else None,
            "never": await find_never(session, row),
            "version": await find_promoted(session),
        }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        ScoreState, context_schema=SalesContext, input_schema=ScoreInput, output_schema=ScoreOutput
    )
    builder.add_node("score", score)
    builder.add_edge(START, "score")
    builder.add_edge("score", END)
    return builder.compile(checkpointer=checkpointer, name="score_contact")


graph = build_graph()
