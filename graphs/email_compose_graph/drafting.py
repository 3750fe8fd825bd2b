"""A first or one-off mail by rules: goal and asks from the instructions, facts from the context."""

import re
from collections.abc import Mapping
from typing import Any

from graphs.sales.composing import (
    as_sentence,
    choose_tone,
    join_paragraphs,
    make_greeting,
    make_signature,
    shorten,
)
from graphs.sales.drafts import Draft
from graphs.sales.notes import address_note, split_notes

_GOALS = (
    ("thanks", r"\bthank"),
    ("follow_up", r"follow[- ]?up|check(?:ing)? in|remind|nudge|haven't heard"),
    ("proposal", r"proposal|quote|offer\b|contract"),
    ("invite", r"\binvit(?:e|ation)|webinar|event"),
    ("meeting", r"\bcall\b|meeting|\bmeet\b|demo|schedule|book|chat"),
)
_MENTION = re.compile(r"\b(?:mention|say|tell (?:them|him|her)|note)(?: that)? ([^.;\n]+)", re.I)
_ASK = re.compile(r"\bask(?: (?:them|him|her))? (if|whether|about|for|to) ([^.;\n]+)", re.I)


def find_goal(instructions: str) -> str:
    """thanks, follow_up, proposal, invite, meeting, or intro when nothing else is asked for."""
    text = instructions.lower()
    return next((goal for goal, pattern in _GOALS if re.search(pattern, text)), "intro")


def compose(variables: Mapping[str, Any]) -> Draft:
    """Subject and body for ``recipient``, ``company``, ``context``, ``instructions``."""
    recipient, company = variables["recipient"], variables["company"]
    instructions = str(variables["instructions"])
    tone = choose_tone(f"{instructions} {variables['tone']}")
    goal = find_goal(instructions)
    name = company.get("name", "")
    notes = [address_note(note, name) for note in split_notes(str(variables["context"]))]
    paragraphs = [
        make_greeting(recipient.get("name", ""), tone),
        " ".join([*_opening(goal, name), *notes[:4]]),
        _offer(variables, goal),
        " ".join(find_wishes(instructions)),
        _request(goal, variables, instructions),
        make_signature(variables, tone),
    ]
    return Draft(subject=_subject(goal, variables, name), body=join_paragraphs(paragraphs))


def _opening(goal: str, company: str) -> list[str]:
    about = f" with {company}" if company else ""
    return {
        "thanks": ["Thank you for your time."],
        "follow_up": ["I wanted to follow up on my last message."],
        "proposal": [f"As discussed, here is where we stand{about}."],
        "invite": ["I would like to invite you personally."],
    }.get(goal, [])


def _offer(variables: Mapping[str, Any], goal: str) -> str:
    product, value = str(variables["product"]), str(variables["value_proposition"])
    sender = str(variables["sender_company"])
    if goal == "thanks":
        return ""
    if product and value:
        who = f"{sender} makes {product}" if sender else f"I work on {product}"
        return f"{who}. {as_sentence(value)}"
    if value:
        return as_sentence(value)
    return f"I work on {product}." if product else ""


def find_wishes(instructions: str) -> list[str]:
    """What the instructions say to mention or to ask, as sentences to the recipient."""
    said = [address_note(text.strip()) for text in _MENTION.findall(instructions)]
    for kind, what in _ASK.findall(instructions):
        what = re.sub(r"\b(?:they are|he is|she is)\b", "you are", what.strip())
        what = re.sub(r"\b(?:they|he|she)\b", "you", what)
        what = re.sub(r"\b(?:their|his|her)\b", "your", what)
        if kind.lower() in ("if", "whether"):
            said.append(f"Could you tell me whether {what}?")
        elif kind.lower() == "to":
            said.append(f"Could you {what}?")
        elif not re.search(r"\bcall\b|meeting|demo", what):
            said.append(f"I would also like to ask {kind.lower()} {what}.")
    return said


def _request(goal: str, variables: Mapping[str, Any], instructions: str) -> str:
    link = str(variables["calendar_url"])
    if goal == "thanks":
        return ""
    if goal == "invite":
        return "Would you like to join?"
    if goal == "proposal":
        return "Could you let me know what you think, or what is still missing?"
    if _ASK.search(instructions) and goal == "intro":
        return ""
    if link:
        return f"Would a short call make sense? You can pick a time here: {link}"
    return "Would a short call make sense? If so, which days suit you?"


def _subject(goal: str, variables: Mapping[str, Any], company: str) -> str:
    product, sender = str(variables["product"]), str(variables["sender_company"])
    about = product or sender
    pair = " and ".join(part for part in (company, about) if part)
    subjects = {
        "thanks": f"Thank you, {company}" if company else "Thank you",
        "follow_up": f"Following up: {pair}" if pair else "Following up",
        "proposal": f"Proposal for {company}" if company else "Our proposal",
        "invite": f"Invitation for {company}" if company else "An invitation",
        "meeting": f"A short call about {about or company}" if about or company else "A short call",
    }
    return shorten(subjects.get(goal, pair or "A short introduction"))
