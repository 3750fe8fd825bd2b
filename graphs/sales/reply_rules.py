"""Rules that read a reply to a sales mail: intent, sentiment, the key ask. Pure, deterministic."""

import re
from typing import Literal

from pydantic import BaseModel, Field

from graphs.sales.dates import find_return_date
from graphs.sales.mail import Inbound
from graphs.sales.phrases import NEGATIVE, ORDER, PHRASES, POSITIVE, SARCASM, Intent, fold

NEXT_ACTION: dict[Intent, str] = {
    "interested": "reply", "info_request": "reply", "referral": "contact_referral",
    "not_now": "follow_up_later", "not_interested": "stop", "unsubscribe": "suppress",
    "auto_reply": "wait", "bounce": "suppress", "unclear": "ask_a_person",
}  # fmt: skip
Language = Literal["en", "de", "fr", "es", "it", "nl", "pl"]
_TOPICS = {
    "pricing": r"pric(?:e|ing)|cost|quote|budget range|how much|\bfees?\b|preis|kost|tarif|prix|"
    r"cuesta|precio",
    "security": r"security|soc ?2|iso ?27001|gdpr|dsgvo|rgpd|hipaa|complian|penetration|encrypt",
    "integration": r"integrat|connect(?:s|or)? (?:to|with)|work with|\bapi\b|webhook|compatib|sso",
    "references": r"references?\b|case stud|customers like|who else|testimonial",
    "materials": r"deck|brochure|one[- ]pager|documentation|white ?paper|more (?:info|details)|"
    r"information|unterlagen|overview",
    "meeting": r"\bcall\b|meeting|\bdemo\b|calendar|\bchat\b|invite|termin|rendez-vous|agendar",
    "legal": r"\bnda\b|\bdpa\b|contract|terms|legal|sla\b",
}
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LANGUAGES: dict[Language, str] = {
    "de": "und nicht wir ich ihr ihre danke sie für mit bitte kein keine ist haben das der bin die",
    "fr": "nous vous je pas merci bonjour votre pour est les une avec suis cela le de des c'est",
    "es": "gracias hola para por una los pero con muy el más que la de en nos no su está estamos ¿",
    "it": "grazie non per siamo sono che della il gli più di la una abbiamo al mi si fino",
    "nl": "de het een niet wij ik geen bedankt graag voor van met we dit zijn u op naar",
    "pl": "nie jest się proszę dziękuję na do z w to dzień mamy jesteśmy czy za po",
    "en": "the and you we is to for thanks not i please your this of our no me my it on",
}


# A person answers what a machine sent: its subject says nothing about this mail.
_ANSWERED = re.compile(r"(?:re|aw|sv|antw|odp|r)\s*:", re.IGNORECASE)
_STOP = re.compile(r"(?:please |pls )?(?:stop|remove|cancel|unsub|unsubscribe|opt[ -]?out)[.! ]*")
_STOP_SUBJECT = re.compile(
    r"unsubscribe|abmelde\w*|desabonne\w*|baja|disiscri\w*|uitschrijven|wypisz"
)
_QUESTION = re.compile(r"\w\s*\?")
# Somebody who is back says so; no machine does.
_PAST = re.compile(r"\b(?:was|were|been|back from|about to (?:go )?)\b[^.!?]{0,16}$")
_STRANGER = re.compile(r"\b(?:who (?:is|are)|do i know|why (?:are|do|did)|what) (?:this|you)\b")
_SETTLES = 3
_DECISIVE: tuple[Intent, ...] = ("bounce", "unsubscribe", "auto_reply")
_EXCUSES: tuple[Intent, ...] = ("referral", "not_now")
_WEAKER: tuple[Intent, ...] = ("interested", "info_request")


class Analysis(BaseModel):
    """What a reply says. ``key_ask`` is quoted from it; ``evidence`` are the words that decided."""

    intent: Intent
    sentiment: Literal["positive", "neutral", "negative"]
    key_ask: str | None = None
    confidence: float = Field(ge=0, le=1)
    topics: list[str] = Field(default_factory=list)
    evidence: list[str] = Field(default_factory=list)
    language: Language = "en"
    referred_to: str | None = None
    returns_on: str | None = None


def analyse(mail: Inbound) -> Analysis:
    """Read one inbound mail."""
    text = normalise(mail.new_text)
    intent, confidence, evidence = classify(mail)
    machine = intent in ("bounce", "auto_reply")
    return Analysis(
        intent=intent,
        sentiment="neutral" if machine else judge_sentiment(text, intent),
        key_ask=None if machine else find_key_ask(mail.new_text),
        confidence=confidence,
        topics=[] if machine else find_topics(text),
        evidence=evidence,
        language=guess_language(text),
        referred_to=find_referral(mail) if intent in ("referral", "auto_reply") else None,
        returns_on=find_return_date(mail.new_text) if intent == "auto_reply" else None,
    )


def normalise(text: str) -> str:
    """Lower case, plain apostrophes, single spaces."""
    return " ".join(text.lower().replace("\u2019", "'").replace("\u2018", "'").split())


def classify(mail: Inbound) -> tuple[Intent, float, list[str]]:
    """Intent, confidence 0..1 and the words that decided. Headers settle what machines wrote."""
    by_header = classify_headers(mail)
    if by_header:
        return by_header[0], 0.99, [by_header[1]]
    subject = "" if _ANSWERED.match(mail.subject) else fold(mail.subject)
    text = fold(mail.new_text)
    scores: dict[Intent, int] = {}
    words: dict[Intent, list[str]] = {}
    settled: set[Intent] = set()
    for intent, patterns in PHRASES.items():
        where = f"{subject}\n{text}" if intent in ("bounce", "auto_reply") else text
        for weight, pattern in patterns:
            found = pattern.search(where)
            if found and not _negated(intent, where, found.start()):
                scores[intent] = scores.get(intent, 0) + weight
                words.setdefault(intent, []).append(found.group(0).strip()[:80])
                if weight >= _SETTLES:
                    settled.add(intent)
    if _STOP.fullmatch(text or subject) or _STOP_SUBJECT.fullmatch(subject):
        scores["unsubscribe"], words["unsubscribe"] = 4, [text or subject]
    if any(pattern.search(text) for pattern in SARCASM):
        scores["not_interested"] = scores.get("not_interested", 0) + 4
        words.setdefault("not_interested", []).append("sarcasm")
    if "info_request" not in settled and ("interested" in settled or _STRANGER.search(text)):
        # Any question counts a little; "how do we start?" asks for no information.
        scores.pop("info_request", None)
    if not scores and _QUESTION.search(text) and not _STRANGER.search(text):
        return "info_request", 0.5, ["a question"]
    return _decide(scores, words)


def _negated(intent: Intent, text: str, start: int) -> bool:
    """ "not interested" must not count as "interested"; "are we not happy to" is rare enough."""
    if intent == "auto_reply":
        return bool(_PAST.search(text[:start][-24:]))
    if intent not in ("interested", "info_request", "unsubscribe"):
        return False
    before = text[max(0, start - 28) : start + 12]
    pattern = r"\b(?:not|isn't|aren't|wouldn't|don't|no longer|never|kein\w*|nicht|pas|no est\w+) "
    if intent == "unsubscribe":
        return bool(re.search(r"(?:don't|do not|no need to) (?:want to )?$", text[:start][-24:]))
    if intent == "info_request":
        return bool(re.search(r"(?:don't|do not|no) (?:\w+ ){0,2}$", text[:start][-24:]))
    return bool(re.search(pattern, before)) or text[max(0, start - 3) : start] == "no "


def _decide(
    scores: dict[Intent, int], words: dict[Intent, list[str]]
) -> tuple[Intent, float, list[str]]:
    for intent in _DECISIVE:
        if scores.get(intent, 0) >= 3:
            return intent, 0.95 if intent == "unsubscribe" else 0.9, words[intent]
    # A deferral explains a refusal ("not interested at the moment"), so it wins over it; a named
    # colleague wins over the refusal that introduces them.
    excused = any(scores.get(intent, 0) >= 3 for intent in _EXCUSES)
    if excused and scores.get("not_interested", 0) <= 3:
        scores.pop("not_interested", None)
    refusal = max(scores.get(intent, 0) for intent in (*_EXCUSES, "not_interested"))
    for weaker in _WEAKER:
        if refusal >= 3 and scores.get(weaker, 0) <= refusal + 1:
            scores.pop(weaker, None)
    if not scores:
        return "unclear", 0.2, []
    ranked = sorted(scores, key=lambda intent: (-scores[intent], ORDER.index(intent)))
    best = ranked[0]
    runner = scores[ranked[1]] if len(ranked) > 1 else 0
    confidence = min(0.95, 0.45 + 0.1 * scores[best] + 0.05 * (scores[best] - runner))
    return best, round(confidence, 2), words[best]


def classify_headers(mail: Inbound) -> tuple[Intent, str] | None:
    """Bounces (RFC 3464) and automatic replies (RFC 3834) by their headers, else None."""
    headers, subject = mail.headers, normalise(mail.subject)
    kind = headers.get("content-type", "").lower()
    sender = mail.from_address.split("@")[0]
    if "delivery-status" in kind or "x-failed-recipients" in headers:
        return "bounce", "delivery report"
    if sender in ("mailer-daemon", "postmaster") and not mail.references:
        return "bounce", f"from {sender}"
    submitted = headers.get("auto-submitted", "no").strip().lower()
    if not submitted.startswith("no"):
        return "auto_reply", f"Auto-Submitted: {submitted}"
    if headers.get("precedence", "").strip().lower() in ("auto_reply", "auto-reply"):
        return "auto_reply", "Precedence: auto_reply"
    for name in ("x-autoreply", "x-autorespond", "x-autoresponder"):
        if name in headers:
            return "auto_reply", name
    if re.match(
        r"(?:automatic reply|auto(?:-| )?reply|out of (?:the )?office|abwesen|automatische "
        r"antwort|réponse automatique|respuesta automática)",
        subject,
    ):
        return "auto_reply", mail.subject
    return None


def judge_sentiment(text: str, intent: Intent) -> Literal["positive", "neutral", "negative"]:
    """Words of anger outweigh words of thanks; else the intent leans the balance."""
    if any(pattern.search(text) for pattern in SARCASM):
        return "negative"
    lean = {"interested": 2, "info_request": 1, "unsubscribe": -1, "not_interested": -1}
    score = lean.get(intent, 0)
    score += min(2, len(POSITIVE.findall(text))) - 2 * len(NEGATIVE.findall(text))
    return "positive" if score >= 2 else "negative" if score <= -2 else "neutral"


def find_key_ask(text: str) -> str | None:
    """The question or request of the reply in its own words, at most 200 characters, or None."""
    sentences = [s.strip() for s in re.split(r"(?<=[.!?])\s+|\n+", text) if s.strip()]
    questions = [s for s in sentences if s.endswith("?") and len(s) > 8]
    request = re.compile(
        r"\b(?:please|could you|can you|would you|send|share|let me know|remove|contact|reach out|"
        r"get back|book|bitte|schicken|envoye[rz]|merci de|por favor|envíe)\b",
        re.IGNORECASE,
    )
    asks = questions or [s for s in sentences if request.search(s)]
    weighty = [s for s in asks if find_topics(normalise(s))]
    chosen = (weighty or asks)[:1]
    return " ".join(chosen[0].split())[:200] if chosen else None


def find_topics(text: str) -> list[str]:
    """Topics of normalised text, in a fixed order."""
    return [topic for topic, pattern in _TOPICS.items() if re.search(pattern, text)]


def find_referral(mail: Inbound) -> str | None:
    """The first address in the new text that is not the sender's own, or None."""
    found = (a.rstrip(".").lower() for a in _ADDRESS.findall(mail.new_text))
    return next((a for a in found if a != mail.from_address), None)


def guess_language(text: str) -> Language:
    """The language whose small words occur most; English when none does."""
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?|¿", text)
    known = {code: set(small.split()) for code, small in _LANGUAGES.items()}
    counts = {code: sum(word in small for word in words) for code, small in known.items()}
    return max(counts, key=lambda code: (counts[code], code == "en"))
