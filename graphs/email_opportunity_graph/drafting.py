"""The next mail of an opportunity by rules: what its stage calls for, from given facts only."""

from collections.abc import Mapping
from typing import Any

from graphs.email_compose_graph.drafting import find_wishes
from graphs.sales.composing import (
    as_sentence,
    choose_tone,
    join_paragraphs,
    make_greeting,
    make_reply_subject,
    make_signature,
    shorten,
)
from graphs.sales.drafts import Draft
from graphs.sales.notes import address_note

STAGES: dict[str, tuple[str, str]] = {
    "discovery": (
        "Thank you for the conversation so far.",
        "What would you need to see to know whether this is worth going on with?",
    ),
    "demo": (
        "I would like to prepare the demo so that it fits your case.",
        "Which questions should it answer for you and your colleagues?",
    ),
    "proposal": (
        "I wanted to follow up on our proposal.",
        "Is anything missing for your decision, or is there something I should change?",
    ),
    "negotiation": (
        "Thank you for the open discussion of the terms.",
        "Which points are still open on your side?",
    ),
    "stalled": (
        "We have not spoken for a while, so I wanted to ask where things stand.",
        "Is this still on your list, or shall I close it on my side for now?",
    ),
    "won": (
        "Thank you for your trust, we are glad to work with you.",
        "Who on your side should we speak to about getting started?",
    ),
    "lost": (
        "Thank you for telling me about your decision.",
        "If you are willing to share it, what decided it for you?",
    ),
}


def write_next_mail(variables: Mapping[str, Any]) -> Draft:
    """Subject and body for the opportunity's stage, next step, open points and instructions."""
    opportunity = variables["opportunity"]
    tone = choose_tone(f"{variables['instructions']} {variables['tone']}")
    opening, question = STAGES[opportunity["stage"]]
    company = variables["company"].get("name", "")
    blockers = [address_note(note) for note in opportunity["blockers"]]
    step = opportunity["next_step"]
    body = join_paragraphs(
        [
            make_greeting(variables["contact"].get("name", ""), tone),
            opening,
            " ".join(blockers),
            f"The next step we agreed on: {as_sentence(step)}" if step else "",
            " ".join(find_wishes(str(variables["instructions"]))),
            question,
            make_signature(variables, tone),
        ]
    )
    return Draft(subject=_subject(opportunity, company), body=body)


def _subject(opportunity: Mapping[str, Any], company: str) -> str:
    if opportunity["last_subject"]:
        return make_reply_subject(opportunity["last_subject"])
    name = opportunity["name"] or company
    prefix = {"proposal": "Our proposal", "demo": "Your demo", "won": "Getting started"}
    start = prefix.get(opportunity["stage"], "Next steps")
    return shorten(f"{start}: {name}" if name else start)
