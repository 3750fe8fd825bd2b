"""The runtime context every sales graph accepts, and how a key is looked up."""

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict


class SalesContext(TypedDict, total=False):
    """Runtime context (``spec.context`` of a GraphSpec). Every key is optional.

    ``facts`` maps a topic (``pricing``, ``security``, ``integration``, ...) to the one sentence a
    mail may say about it; a topic without a fact is left for a person. ``inbox`` is a folder of
    ``.eml`` files; ``send_gap_seconds`` is the least wait before a send. With
    ``smtp_probe`` email_verify asks mail servers, as ``probe_sender``.
    """

    model: str
    fallback: str
    prompt: str
    tone: str
    sender_name: str
    sender_title: str
    sender_company: str
    product: str
    value_proposition: str
    calendar_url: str
    facts: dict[str, str]
    require_approval: bool
    postal_address: str
    unsubscribe_url: str
    unsubscribe_mail: str
    inbox: str
    consent_countries: list[str]
    send_gap_seconds: float
    dkim_selector: str
    smtp_probe: bool
    probe_sender: str


def read_context(context: object) -> dict[str, Any]:
    """The context as a dict without empty values; a missing context is an empty one."""
    if not isinstance(context, Mapping):
        return {}
    return {str(key): value for key, value in context.items() if value not in (None, "")}


def clean(value: object) -> str:
    """One line of text without surrounding space; anything that is not text is empty."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def make_variables(context: Mapping[str, Any]) -> dict[str, Any]:
    """The context's words as prompt variables: every text key present, engine keys left out."""
    texts = (
        "sender_name", "sender_title", "sender_company", "product", "value_proposition",
        "calendar_url", "postal_address", "unsubscribe_url",
    )  # fmt: skip
    return {
        **{key: str(context.get(key) or "") for key in texts},
        "tone": str(context.get("tone") or "friendly"),
        "facts": dict(context.get("facts") or {}),
    }
