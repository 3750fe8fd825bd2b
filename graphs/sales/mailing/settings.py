"""What a graph's context says about sending mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphs.sales.mailing.outbox import Settings
from graphs.sales.mailing.sending import Links
from graphs.sales.settings import clean


def read_settings(context: Mapping[str, Any]) -> Settings:
    """The rules of a send, from a runtime context."""
    countries = context.get("consent_countries") or []
    return Settings(
        postal_address=clean(context.get("postal_address")),
        needs_approval=bool(context.get("require_approval")),
        consent_countries=frozenset(str(each).upper() for each in countries),
    )


def read_links(context: Mapping[str, Any]) -> Links:
    """How recipients unsubscribe."""
    return Links(clean(context.get("unsubscribe_url")), clean(context.get("unsubscribe_mail")))
