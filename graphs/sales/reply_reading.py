"""What a reply says, as every graph that has to know reads it. Pure."""

from __future__ import annotations

from graphs.sales.mail import Inbound
from graphs.sales.phrases import Intent
from graphs.sales.reply_guess import guess_label
from graphs.sales.reply_rules import NEXT_ACTION, Analysis, analyse

# About seven of ten guesses are right; nothing is done on one, and none is kept, before a person
# looked.
_TRUST_IN_GUESSES = 0.65
_SURE = 0.7
_UNSURE = NEXT_ACTION["unclear"]


def read_reply(mail: Inbound) -> Analysis:
    """The phrase tables and the headers that machines set; where they know nothing, a guess."""
    return add_guess(analyse(mail), mail)


def add_guess(analysis: Analysis, mail: Inbound) -> Analysis:
    """The same with a guess at the label, where it has none and one can be made."""
    guess = guess_label(mail.new_text) if analysis.intent == "unclear" else None
    if guess is None:
        return analysis
    found = {"intent": guess.label, "confidence": guess.probability * _TRUST_IN_GUESSES}
    return analysis.model_copy(update={**found, "evidence": list(guess.words)})


def choose_label(analysis: Analysis) -> Intent | None:
    """The label that is kept, and learned from: none where a person has to look first."""
    return None if choose_action(analysis) == _UNSURE else analysis.intent


def choose_action(analysis: Analysis) -> str:
    """What the label asks for; what is not sure is for a person to decide."""
    return _UNSURE if analysis.confidence < _SURE else NEXT_ACTION[analysis.intent]
