"""learn_messaging: which template of a campaign gets answers, and which to send next."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from graphs.learn_messaging_graph.arms import Arm, Tally, draw, make_seed
from graphs.sales.data import open_database
from graphs.sales.data.tables import Campaign, Event, Message, Touch
from graphs.sales.settings import SalesContext, clean

_GOOD_LABELS = frozenset({"interested", "info_request", "referral"})
_MOST_TEMPLATES = 50
_CHUNK = 400


class MessagingInput(TypedDict, total=False):
    """`campaign_id` of the database. `templates` names arms that may have no sends yet. `goal`:
    `reply`, any answer of a person; or `interest`, one that classify_reply calls good.

    `seed` makes the pick another; without one it hangs on the counts, and stays until they change.
    """

    campaign_id: str
    templates: list[str]
    goal: str
    seed: int


class MessagingOutput(TypedDict, total=False):
    """`arms`: template, sends, replies, and the posterior {alpha, beta, mean, low, high, best}:
    the interval holds the answer rate with 95 %, `best` is the chance to be the best arm.
    """

    arms: list[dict[str, Any]]
    pick: str | None
    model_version: str


class MessagingState(MessagingInput, MessagingOutput, total=False):
    """Input and output together."""


async def weigh(state: MessagingState) -> MessagingState:
    """Count, update the prior, and draw."""
    campaign_id, goal = clean(state.get("campaign_id")), state.get("goal") or "reply"
    seed = state.get("seed")
    if goal not in ("reply", "interest"):
        raise ValueError(f"goal is {goal!r}; send reply or interest.")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise ValueError("seed is a whole number.")
    named = _read_templates(state.get("templates"))
    async with (await open_database()).read() as session:
        if await session.get(Campaign, campaign_id) is None:
            raise ValueError(f"No campaign {campaign_id!r} is in the database; send campaign_id.")
        tallies = await count_templates(session, campaign_id, goal)
    for template in named:
        tallies.setdefault(template, Tally(0, 0))
    arms, pick = draw(tallies, make_seed(campaign_id, tallies) if seed is None else seed)
    return {
        "arms": [_show(arm) for arm in arms],
        "pick": pick,
        "model_version": "beta-bernoulli-1",
    }


async def count_templates(session: AsyncSession, campaign_id: str, goal: str) -> dict[str, Tally]:
    """Sends and answered sends of each template. A touch that was answered twice counts once."""
    sent = select(Event.touch_id, Event.data).where(
        Event.campaign_id == campaign_id, Event.kind == "sent", Event.touch_id.is_not(None)
    )
    templates = {touch: data.get("template") for touch, data in await session.execute(sent)}
    missing = [touch for touch, template in templates.items() if not template]
    for start in range(0, len(missing), _CHUNK):
        ids = missing[start : start + _CHUNK]
        rows = await session.execute(select(Touch.id, Touch.template).where(Touch.id.in_(ids)))
        templates.update((touch, template) for touch, template in rows)
    answered = await _list_answered(session, campaign_id, goal)
    tallies: dict[str, Tally] = {}
    for touch, template in templates.items():
        if template:
            before = tallies.get(template, Tally(0, 0))
            tallies[template] = Tally(before.sends + 1, before.replies + (touch in answered))
    return tallies


async def _list_answered(session: AsyncSession, campaign_id: str, goal: str) -> set[str]:
    query = select(Event.touch_id, Event.data).where(
        Event.campaign_id == campaign_id, Event.kind == "replied", Event.touch_id.is_not(None)
    )
    replies = {touch: str(data.get("message")) for touch, data in await session.execute(query)}
    if goal == "reply":
        return {str(touch) for touch in replies}
    labels: dict[str, str | None] = {}
    ids = list(replies.values())
    for start in range(0, len(ids), _CHUNK):
        chunk = select(Message.id, Message.label).where(Message.id.in_(ids[start : start + _CHUNK]))
        labels.update((key, label) for key, label in await session.execute(chunk))
    return {str(touch) for touch, key in replies.items() if labels.get(key) in _GOOD_LABELS}


def _read_templates(value: object) -> list[str]:
    templates = [] if value is None else value
    if not isinstance(templates, list) or not all(isinstance(t, str) and t for t in templates):
        raise ValueError("templates is a list of names.")
    if len(templates) > _MOST_TEMPLATES:
        raise ValueError(f"templates has more than {_MOST_TEMPLATES} names.")
    return templates


def _show(arm: Arm) -> dict[str, Any]:
    posterior = {
        "alpha": arm.alpha, "beta": arm.beta, "mean": round(arm.mean, 4),
        "low": round(arm.low, 4), "high": round(arm.high, 4), "best": round(arm.best, 4),
    }  # fmt: skip
    return {
        "template": arm.template,
        "sends": arm.sends,
        "replies": arm.replies,
        "posterior": posterior,
    }


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        MessagingState,
        context_schema=SalesContext,
        input_schema=MessagingInput,
        output_schema=MessagingOutput,
    )
    builder.add_node("weigh", weigh)
    builder.add_edge(START, "weigh")
    builder.add_edge("weigh", END)
    return builder.compile(checkpointer=checkpointer, name="learn_messaging")


graph = build_graph()
