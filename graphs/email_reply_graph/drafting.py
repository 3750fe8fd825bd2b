"""The reply by rules: one plan per intent, said in the tone asked for, from given facts only."""

from collections.abc import Mapping
from typing import Any

from graphs.sales.composing import (
    Tone,
    as_sentence,
    choose_tone,
    join_paragraphs,
    make_greeting,
    make_reply_subject,
    make_signature,
)
from graphs.sales.phrases import Intent
from graphs.sales.reply_rules import Analysis

REPLY_TYPES: dict[str, Intent] = {
    "interested": "interested", "accept": "interested", "meeting": "interested",
    "info_request": "info_request", "answer": "info_request", "information": "info_request",
    "referral": "referral", "not_now": "not_now", "follow_up": "not_now",
    "not_interested": "not_interested", "decline": "not_interested", "thanks": "not_interested",
    "unsubscribe": "unsubscribe", "unclear": "unclear", "clarify": "unclear",
}  # fmt: skip
_TOPIC_WORDS = {
    "pricing": "pricing", "security": "security and compliance", "integration": "integration",
    "references": "references", "materials": "an overview", "legal": "the contract terms",
}  # fmt: skip


def draft_reply(
    analysis: Analysis, sender: str, subject: str, context: Mapping[str, Any], reply_as: Intent
) -> tuple[str, str]:
    """Subject and body; both empty when nobody should be answered (a machine wrote)."""
    if reply_as in ("auto_reply", "bounce"):
        return "", ""
    tone = choose_tone(context.get("tone"))
    body = join_paragraphs(
        [
            make_greeting(sender, tone),
            *_PLANS[reply_as](analysis, context, tone),
            make_signature(context, tone),
        ]
    )
    return make_reply_subject(subject), body


def _say(tone: Tone, friendly: str, formal: str, concise: str) -> str:
    return {"friendly": friendly, "formal": formal, "concise": concise}[tone]


def _answers(analysis: Analysis, context: Mapping[str, Any]) -> list[str]:
    """Facts for what was asked, then one honest sentence on what has no fact yet."""
    facts = {str(k): str(v) for k, v in (context.get("facts") or {}).items()}
    asked = [topic for topic in analysis.topics if topic in _TOPIC_WORDS]
    known = [as_sentence(facts[topic]) for topic in asked if facts.get(topic)]
    open_topics = [_TOPIC_WORDS[topic] for topic in asked if not facts.get(topic)]
    if open_topics:
        known.append(f"I will come back to you on {' and '.join(open_topics)} with exact details.")
    return known


def _meeting(context: Mapping[str, Any], tone: Tone) -> str:
    link = context.get("calendar_url")
    if link:
        return _say(
            tone,
            f"Pick whatever time suits you here: {link}",
            f"You are welcome to choose a time that suits you: {link}",
            f"Pick a time: {link}",
        )
    return _say(
        tone,
        "Which days and times work best for you this week or next?",
        "Could you let me know which days and times would suit you this week or next?",
        "Which times suit you this week or next?",
    )


def _interested(analysis: Analysis, context: Mapping[str, Any], tone: Tone) -> list[str]:
    thanks = _say(
        tone,
        "Thanks for getting back to me, I'm glad this is of interest.",
        "Thank you for your reply and for your interest.",
        "Thanks, glad to hear it.",
    )
    return [thanks, " ".join(_answers(analysis, context)), _meeting(context, tone)]


def _info_request(analysis: Analysis, context: Mapping[str, Any], tone: Tone) -> list[str]:
    thanks = _say(
        tone, "Thanks for asking.", "Thank you for your question.", "Thanks for the question."
    )
    answers = _answers(analysis, context)
    if not answers:
        answers = ["I will come back to you with an exact answer to your question."]
        if analysis.key_ask and len(analysis.key_ask) <= 140:
            answers = [f'You asked: "{analysis.key_ask}"', *answers]
    offer = _say(
        tone,
        "If it is easier to talk it through, I'm happy to.",
        "Should you prefer to discuss this in person, I would be glad to do so.",
        "Happy to talk it through.",
    )
    link = context.get("calendar_url")
    return [thanks, " ".join(answers), f"{offer} {link}" if link else offer]


def _referral(analysis: Analysis, context: Mapping[str, Any], tone: Tone) -> list[str]:
    del context
    thanks = _say(
        tone,
        "Thanks for pointing me in the right direction, I appreciate it.",
        "Thank you for referring me to the right contact.",
        "Thanks for the pointer.",
    )
    if analysis.referred_to:
        step = f"I will get in touch with {analysis.referred_to} and mention that you referred me."
    else:
        step = "Could you share the best way to reach them, or forward this message?"
    return [thanks, step]


def _not_now(analysis: Analysis, context: Mapping[str, Any], tone: Tone) -> list[str]:
    del analysis, context
    return [
        _say(
            tone,
            "Thanks for letting me know, that makes sense.",
            "Thank you for letting me know.",
            "Understood, thanks for letting me know.",
        ),
        _say(
            tone,
            "I'll leave it with you for now and check in again when the timing is better. If "
            "anything changes before then, just reply to this message.",
            "I will follow up at a more suitable time. Should anything change before then, "
            "please reply to this message.",
            "I'll follow up when the timing is better.",
        ),
    ]


def _not_interested(analysis: Analysis, context: Mapping[str, Any], tone: Tone) -> list[str]:
    del context
    thanks = "Thanks" if tone != "formal" else "Thank you"
    opening = f"{thanks} for the clear answer."
    if analysis.sentiment == "negative":
        opening = f"Understood, and I'm sorry for the interruption. {thanks} for telling me."
    close = _say(
        tone,
        "I won't follow up on this. All the best to you and the team.",
        "I will not follow up on this matter. I wish you and your team all the best.",
        "I won't follow up.",
    )
    return [opening, close]


def _unsubscribe(analysis: Analysis, context: Mapping[str, Any], tone: Tone) -> list[str]:
    del analysis, context
    return [
        _say(
            tone,
            "Understood. I'm taking you off our list, and you won't hear from us again.",
            "As you asked, we are removing you from our list and will not contact you again.",
            "Understood, we are taking you off our list.",
        )
    ]


def _unclear(analysis: Analysis, context: Mapping[str, Any], tone: Tone) -> list[str]:
    del context
    thanks = "Thank you for your reply." if tone == "formal" else "Thanks for your reply."
    if analysis.key_ask and analysis.key_ask.endswith("?"):
        return [thanks, "I want to answer your question properly and will get back to you."]
    return [thanks, "Could you tell me a little more about what would be most useful to you?"]


_PLANS = {
    "interested": _interested,
    "info_request": _info_request,
    "referral": _referral,
    "not_now": _not_now,
    "not_interested": _not_interested,
    "unsubscribe": _unsubscribe,
    "unclear": _unclear,
}
