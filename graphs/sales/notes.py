"""Turns a salesperson's notes about somebody into sentences said to that somebody."""

import re

_MET = re.compile(
    r"^(?:we |i )?met (?:(?:him|her|them|you) )?(?=at|in|during|on|through|via)", re.I
)
_ASKED = re.compile(
    r"^(?:they |he |she )?(asked|mentioned|said|told me|wanted|requested)\b\s*(.*)$", re.IGNORECASE
)
_WANTING = re.compile(
    r"^(?:(?:they|he|she)(?: are| is|'re|'s)? |is |are )?(interested in|looking (?:for|to|at)"
    r"|evaluating|struggling with|planning|considering)\b\s*(.*)$",
    re.IGNORECASE,
)
_DOING = re.compile(
    r"^(?:is |are )?(?:currently )?((?:hiring|expanding|migrating|opening|launching|growing|moving|"
    r"building|replacing|rolling)\b.*)$",
    re.IGNORECASE,
)
_DID = re.compile(
    r"^(?:(?:just|recently) )?((?:raised|opened|launched|announced|hired|moved|acquired|closed|"
    r"published|joined|won|doubled|expanded)\b.*)$",
    re.IGNORECASE,
)
_THIRD = re.compile(r"^(they|he|she|the company|the team)\b\s*(.*)$", re.IGNORECASE)
_VERBS = {
    "is": "are", "has": "have", "was": "were", "does": "do", "isn't": "aren't", "hasn't": "haven't",
    "'re": "are", "'s": "are", "doesn't": "don't",
}  # fmt: skip


def split_notes(text: str) -> list[str]:
    """One note per sentence, line or semicolon; bullets removed."""
    parts = re.split(r"(?<=[.!?])\s+|[;\n]+", text)
    return [p for p in (part.strip().lstrip("-*• ").strip() for part in parts) if p]


def address_note(note: str, company: str = "") -> str:
    """One note as a sentence to whom it is about: ``they use X`` -> ``I saw that you use X.``

    A note that fits no pattern stays as it is, as a sentence.
    """
    note = note.strip().rstrip(".;,")
    who = company or "you"
    be = "is" if company else "are"
    met = _MET.match(note)
    if met:
        return _sentence(f"It was good to meet you {note[met.end() :]}")
    asked = _ASKED.match(note)
    if asked:
        return _sentence(f"You {asked.group(1).lower()} {_your(asked.group(2))}")
    wanting = _WANTING.match(note)
    if wanting:
        return _sentence(
            f"I understand you are {wanting.group(1).lower()} {_your(wanting.group(2))}"
        )
    doing = _DOING.match(note)
    if doing:
        return _sentence(f"I saw that {who} {be} {_lower(doing.group(1))}")
    did = _DID.match(note)
    if did:
        return _sentence(f"I saw that {who} {_lower(did.group(1))}")
    third = _THIRD.match(note)
    if third:
        return _sentence(f"I saw that you {_second(third.group(2), third.group(1))}")
    if company and note.lower().startswith(company.lower() + " "):
        return _sentence(f"I saw that {note}")
    return _sentence(_your(note))


def _second(rest: str, subject: str) -> str:
    verb, _, tail = rest.strip().partition(" ")
    if verb in _VERBS:
        verb = _VERBS[verb]
    elif subject.lower() != "they" and re.fullmatch(r"[a-z]+[^su]s", verb):
        verb = verb[:-1]
    return f"{verb} {_your(tail)}".strip()


def _your(text: str) -> str:
    return re.sub(r"\b(?:their|his|her)\b", "your", text)


def _lower(text: str) -> str:
    return text[0].lower() + text[1:] if text else text


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    return text if text[-1:] in ".!?" else f"{text}."
