"""icp_fit: how well a company fits the ideal customer of a product."""

import json
import re
from collections.abc import Mapping
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from graphs.sales.data import open_database
from graphs.sales.prompts import load_prompt
from graphs.sales.scoring.fit import InvalidProfile, choose_tier, judge_fit
from graphs.sales.scoring.records import read_company, read_icp
from graphs.sales.settings import SalesContext, clean, read_context
from graphs.sales.tasks import Provenance, Task, Variables, name_version, run_task

_FACTS = (
    "name", "industry", "category", "country", "employees", "description", "technologies",
)  # fmt: skip
_LONGEST = 20_000
_NUMBER = re.compile(r"\d[\d.,]*")


class FitInput(TypedDict, total=False):
    """`company_id` and `product_id` of the database; or `company` {industry, category, country,
    employees, description, technologies} and `icp` inline, which win.
    """

    company_id: str
    product_id: str
    company: dict[str, Any]
    icp: dict[str, Any]


class FitOutput(TypedDict, total=False):
    """`fit` is 0 to 1; `tier`: hot, warm, cold, disqualified. `known` is the share of the profile
    that the company's data answers; what is unknown counts half. `deal_breakers` are the rules'
    to find, whoever weighs the rest.
    """

    fit: float
    tier: str
    segment: str
    known: float
    reasons: list[str]
    deal_breakers: list[str]
    model_version: str
    provenance: Provenance


class FitState(FitInput, FitOutput, total=False):
    """Input and output together."""


class Judgement(BaseModel):
    """The answer of the task, by rules or by a model."""

    fit: float = Field(ge=0, le=1)
    reasons: list[str] = Field(default_factory=list, max_length=12)


def judge_by_rules(variables: Variables) -> Judgement:
    """The weighted score."""
    fit = judge_fit(json.loads(variables["company"]), json.loads(variables["icp"]))
    return Judgement(fit=fit.fit, reasons=list(fit.reasons))


def check_numbers(judgement: Judgement, variables: Variables) -> list[str]:
    """No reason tells a number that nobody gave."""
    given = _list_numbers(variables["company"]) | _list_numbers(variables["icp"])
    return [
        f"The reason {reason!r} has a number that is not given."
        for reason in judgement.reasons
        if _list_numbers(reason) - given
    ]


TASK = Task(
    name="icp_fit",
    version="1",
    schema=Judgement,
    prompt=load_prompt(__file__),
    rules=judge_by_rules,
    checks=(check_numbers,),
    untrusted=frozenset({"company"}),
)


async def judge(state: FitState, runtime: Runtime[SalesContext]) -> FitState:
    """Look both up, and weigh."""
    company, icp = await _look_up(state)
    try:
        by_rules = judge_fit(company, icp)
    except InvalidProfile as error:
        raise ValueError(str(error)) from None
    context = read_context(runtime.context)
    if by_rules.deal_breakers or not icp:
        # There is nothing to weigh.
        context = {**context, "model": "rules"}
    variables = {"company": _write_facts(company), "icp": _write(icp)}
    judgement, provenance = await run_task(TASK, variables, context)
    is_out = bool(by_rules.deal_breakers)
    return {
        "fit": 0.0 if is_out else round(judgement.fit, 4),
        "tier": "disqualified" if is_out else choose_tier(judgement.fit),
        "segment": by_rules.segment,
        "known": by_rules.known,
        "reasons": judgement.reasons,
        "deal_breakers": list(by_rules.deal_breakers),
        "model_version": name_version(provenance),
        "provenance": provenance,
    }


async def _look_up(state: FitState) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    company, icp = state.get("company"), state.get("icp")
    if company is None or icp is None:
        company_id, product_id = clean(state.get("company_id")), clean(state.get("product_id"))
        async with (await open_database()).read() as session:
            company = company or await read_company(session, company_id)
            icp = icp if icp is not None else await read_icp(session, product_id)  # type: ignore[assignment]
        if company is None:
            raise ValueError(f"No company {company_id!r} is in the database; send company_id.")
        if icp is None:
            raise ValueError(f"No product {product_id!r} is in the database; send product_id.")
    return company, icp


def _write_facts(company: Mapping[str, Any]) -> str:
    facts = {name: company[name] for name in _FACTS if company.get(name) not in (None, "", [])}
    if isinstance(facts.get("description"), str):
        facts["description"] = facts["description"][:_LONGEST]
    return _write(facts)


def _write(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _list_numbers(text: str) -> set[str]:
    return {re.sub(r"\D", "", found) for found in _NUMBER.findall(text)}


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        FitState, context_schema=SalesContext, input_schema=FitInput, output_schema=FitOutput
    )
    builder.add_node("judge", judge)
    builder.add_edge(START, "judge")
    builder.add_edge("judge", END)
    return builder.compile(checkpointer=checkpointer, name="icp_fit")


graph = build_graph()
