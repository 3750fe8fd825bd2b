"""The touches of a campaign by rules: six turns of one conversation, from given facts only."""

from collections.abc import Mapping
from typing import Any

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


def write_touch(variables: Mapping[str, Any]) -> Draft:
    """Touch ``touch_no`` (1 is the first mail; 6 and later say goodbye)."""
    tone = choose_tone(variables["tone"])
    touch_no = int(variables["touch_no"])
    write = _TOUCHES[min(touch_no, len(_TOUCHES)) - 1]
    body = join_paragraphs(
        [
            make_greeting(variables["contact"].get("name", ""), tone),
            *write(variables),
            make_signature(variables, tone),
            make_footer(variables),
        ]
    )
    first = make_first_subject(variables)
    return Draft(subject=first if touch_no == 1 else make_reply_subject(first), body=body)


def make_first_subject(variables: Mapping[str, Any]) -> str:
    """The subject of the thread, the same for every touch of one contact."""
    if variables["thread_subject"]:
        return shorten(str(variables["thread_subject"]))
    company = variables["company"].get("name", "")
    about = str(variables["product"] or variables["sender_company"])
    pair = " and ".join(part for part in (company, about) if part)
    return shorten(pair or "A short question")


def make_footer(variables: Mapping[str, Any]) -> str:
    """How to stop the mails, and the sender's postal address when the context has one."""
    link = variables["unsubscribe_url"]
    stop = f"To stop these mails: {link}" if link else (
        'If you would rather not hear from me again, reply "unsubscribe".'
    )  # fmt: skip
    return "\n".join(part for part in (stop, str(variables["postal_address"])) if part)


def _why(variables: Mapping[str, Any], at: int) -> str:
    company = variables["company"]
    name = company.get("name", "")
    notes = [address_note(note, name) for note in company.get("signals", [])]
    notes += [f"Teams like yours often deal with this: {p}" for p in company.get("problems", [])]
    if notes:
        return as_sentence(notes[at % len(notes)])
    title, industry = variables["contact"].get("title", ""), company.get("industry", "")
    if title and name:
        return f"I am writing to you as {title} at {name}."
    if industry:
        return f"I work with teams in {industry}."
    return f"I am writing to you because of your work at {name}." if name else ""


def _what(variables: Mapping[str, Any]) -> str:
    product, value = str(variables["product"]), str(variables["value_proposition"])
    sender = str(variables["sender_company"])
    who = f"At {sender} we work on {product}." if sender and product else (
        f"I work on {product}." if product else ""
    )  # fmt: skip
    return " ".join(part for part in (who, as_sentence(value)) if part)


def _call(variables: Mapping[str, Any], question: str) -> str:
    link = variables["calendar_url"]
    return f"{question} You can pick a time here: {link}" if link else question


def _fact(variables: Mapping[str, Any], topics: tuple[str, ...]) -> str:
    facts = variables["facts"]
    return next((as_sentence(str(facts[t])) for t in topics if facts.get(t)), "")


def _introduce(v: Mapping[str, Any]) -> list[str]:
    return [
        " ".join(part for part in (_why(v, 0), _what(v)) if part),
        _call(v, "Is this something you are looking at? If so, I would be glad to talk."),
    ]


def _follow(v: Mapping[str, Any]) -> list[str]:
    return [
        "I wanted to follow up on my first message.",
        _what(v),
        "Is this relevant for you, or is it better to ask a colleague?",
    ]


def _problem(v: Mapping[str, Any]) -> list[str]:
    return [_why(v, 1), "How do you handle this today?", _fact(v, ("problem", "result", "value"))]


def _proof(v: Mapping[str, Any]) -> list[str]:
    proof = _fact(v, ("references", "result", "case_study"))
    opening = "Something that may help you judge this:" if proof else (
        "If it helps you judge this, I am happy to send a short overview."
    )  # fmt: skip
    return [f"{opening} {proof}".strip(), _call(v, "Would a short call be useful?")]


def _nudge(v: Mapping[str, Any]) -> list[str]:
    del v
    return ["Is this worth a conversation at the moment? A yes or no is enough."]


def _goodbye(v: Mapping[str, Any]) -> list[str]:
    del v
    return [
        "I have not heard from you, so I take it that the timing is not right. This is my last "
        "message on the subject.",
        "If it becomes relevant, reply to this mail and it will reach me.",
    ]


_TOUCHES = (_introduce, _follow, _problem, _proof, _nudge, _goodbye)
