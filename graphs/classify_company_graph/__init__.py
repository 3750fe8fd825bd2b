"""classify_company: what a company does, from its name, website and description."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from graphs.sales.categories import CATEGORIES, UNKNOWN, choose_category
from graphs.sales.prompts import load_prompt
from graphs.sales.settings import SalesContext, clean, read_context
from graphs.sales.tasks import Provenance, Task, Variables, name_version, run_task

_LONGEST = 20_000


class CompanyInput(TypedDict, total=False):
    """Any of the three; the description is what counts most."""

    name: str
    website: str
    description: str


class CompanyOutput(TypedDict, total=False):
    """`category` is one of `graphs.sales.categories.CATEGORIES`, or `unknown`; `reasons` are words
    of the input.
    """

    category: str
    confidence: float
    reasons: list[str]
    model_version: str
    provenance: Provenance


class CompanyState(CompanyInput, CompanyOutput, total=False):
    """Input and output together."""


class Reading(BaseModel):
    """The answer of the task, by rules or by a model."""

    category: str
    confidence: float = Field(ge=0, le=1)
    reasons: list[str] = Field(default_factory=list)


def classify_by_rules(variables: Variables) -> Reading:
    """The table of words."""
    found = choose_category(variables["name"], variables["website"], variables["description"])
    return Reading(
        category=found.category, confidence=found.confidence, reasons=list(found.reasons)
    )


def check_category(reading: Reading, variables: Variables) -> list[str]:
    """A category that there is."""
    del variables
    if reading.category in (*CATEGORIES, UNKNOWN):
        return []
    return [f"{reading.category!r} is none of {', '.join(CATEGORIES)}."]


TASK = Task(
    name="classify_company",
    version="1",
    schema=Reading,
    prompt=load_prompt(__file__),
    rules=classify_by_rules,
    checks=(check_category,),
    untrusted=frozenset({"name", "website", "description"}),
)


async def classify(state: CompanyState, runtime: Runtime[SalesContext]) -> CompanyState:
    """Run the task."""
    given = {key: clean(state.get(key)) for key in ("name", "website", "description")}
    if not any(given.values()):
        raise ValueError("Send name, website or description; the description says most.")
    if len(given["description"]) > _LONGEST:
        raise ValueError(f"description has over {_LONGEST} characters; send its first part.")
    variables = {**given, "categories": list(CATEGORIES)}
    reading, provenance = await run_task(TASK, variables, read_context(runtime.context))
    return {
        "category": reading.category,
        "confidence": reading.confidence,
        "reasons": reading.reasons[:5],
        "model_version": name_version(provenance),
        "provenance": provenance,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        CompanyState,
        context_schema=SalesContext,
        input_schema=CompanyInput,
        output_schema=CompanyOutput,
    )
    builder.add_node("classify", classify)
    builder.add_edge(START, "classify")
    builder.add_edge("classify", END)
    return builder.compile(checkpointer=checkpointer, name="classify_company")


graph = build_graph()
