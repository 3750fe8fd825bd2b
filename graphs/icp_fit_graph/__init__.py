"""icp_fit: how well a company fits the ideal customer of a product."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from graphs.sales.data import open_database
from graphs.sales.scoring.fit import InvalidProfile, judge_fit
from graphs.sales.scoring.records import read_company, read_icp
from graphs.sales.settings import SalesContext, clean

VERSION = "fit-rules-1"


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
    that the company's data answers; what is unknown counts half.
    """

    fit: float
    tier: str
    segment: str
    known: float
    reasons: list[str]
    deal_breakers: list[str]
    model_version: str


class FitState(FitInput, FitOutput, total=False):
    """Input and output together."""


async def judge(state: FitState) -> FitState:
    """Look both up, and weigh."""
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
    try:
        fit = judge_fit(company, icp)
    except InvalidProfile as error:
        raise ValueError(str(error)) from None
    return {
        "fit": fit.fit,
        "tier": fit.tier,
        "segment": fit.segment,
        "known": fit.known,
        "reasons": list(fit.reasons),
        "deal_breakers": list(fit.deal_breakers),
        "model_version": VERSION,
    }


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
