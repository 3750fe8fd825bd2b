"""classify_intent: what the posts of a contact or company say of coming purchases."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, Field
from sqlalchemy import select
from typing_extensions import TypedDict

from graphs.sales.data import open_database
from graphs.sales.data.people import Contact, Fact
from graphs.sales.postings import Kind, judge_posts
from graphs.sales.prompts import load_prompt
from graphs.sales.settings import SalesContext, clean, read_context
from graphs.sales.tasks import Provenance, Task, Variables, name_version, run_task

_MOST_POSTS, _LONGEST = 50, 5_000
_KINDS = ("signal", "page")


class IntentInput(TypedDict, total=False):
    """`posts`: texts, or {text} each, at most 50. Without them, the signals that the database knows
    of the company of `contact_id`.
    """

    contact_id: str
    posts: list[str | dict[str, Any]]


class IntentOutput(TypedDict, total=False):
    """`kind`: buying, hiring, scaling or none; `has_intent` is false with none. `reasons` are
    quoted from the posts.
    """

    has_intent: bool
    kind: str
    confidence: float
    reasons: list[str]
    model_version: str
    provenance: Provenance


class IntentState(IntentInput, IntentOutput, total=False):
    """`texts` are the posts as they are read."""

    texts: list[str]


class Reading(BaseModel):
    """The answer of the task, by rules or by a model."""

    kind: Kind
    confidence: float = Field(ge=0, le=1)
    reasons: list[str] = Field(default_factory=list)


def classify_by_rules(variables: Variables) -> Reading:
    """The phrases of a table."""
    found = judge_posts(variables["posts"])
    return Reading(kind=found.kind, confidence=found.confidence, reasons=list(found.reasons))


TASK = Task(
    name="classify_intent",
    version="1",
    schema=Reading,
    prompt=load_prompt(__file__),
    rules=classify_by_rules,
    untrusted=frozenset({"posts"}),
)


async def read_posts(state: IntentState) -> IntentState:
    """The posts, from the input or from the database."""
    posts = state.get("posts")
    if posts is not None:
        return {"texts": _read(posts)}
    contact_id = clean(state.get("contact_id"))
    if not contact_id:
        raise ValueError("Send posts: a list of texts; or contact_id.")
    async with (await open_database()).read() as session:
        contact = await session.get(Contact, contact_id)
        if contact is None:
            raise ValueError(f"No contact {contact_id} is in the database; send posts.")
        query = select(Fact).where(Fact.company_id == contact.company_id, Fact.kind.in_(_KINDS))
        facts = await session.scalars(query.order_by(Fact.found_at.desc()).limit(_MOST_POSTS))
        return {"texts": [text for fact in facts if (text := _quote(fact))]}


async def classify(state: IntentState, runtime: Runtime[SalesContext]) -> IntentState:
    """Run the task."""
    given = {"posts": state["texts"]}
    reading, provenance = await run_task(TASK, given, read_context(runtime.context))
    return {
        "has_intent": reading.kind != "none",
        "kind": reading.kind,
        "confidence": reading.confidence,
        "reasons": reading.reasons[:3],
        "model_version": name_version(provenance),
        "provenance": provenance,
    }


def _read(posts: object) -> list[str]:
    if not isinstance(posts, list) or len(posts) > _MOST_POSTS:
        raise ValueError(f"posts is a list of at most {_MOST_POSTS} texts.")
    texts = [post.get("text") if isinstance(post, dict) else post for post in posts]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("Each of posts is a text, or an object with text.")
    if any(len(str(text)) > _LONGEST for text in texts):
        raise ValueError(f"A post has over {_LONGEST} characters; send its first part.")
    return [str(text) for text in texts if str(text).strip()]


def _quote(fact: Fact) -> str:
    words = fact.evidence or fact.value.get("note") or fact.value.get("text") or ""
    return str(words)[:_LONGEST]


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        IntentState,
        context_schema=SalesContext,
        input_schema=IntentInput,
        output_schema=IntentOutput,
    )
    builder.add_node("read_posts", read_posts)
    builder.add_node("classify", classify)
    builder.add_edge(START, "read_posts")
    builder.add_edge("read_posts", "classify")
    builder.add_edge("classify", END)
    return builder.compile(checkpointer=checkpointer, name="classify_intent")


graph = build_graph()
