"""Threads of campaigns, through the router: they hear news at once, not at their next tick."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping

import httpx
from langgraph_sdk.errors import LangGraphError

from graphs.sales.remote import URL, open_client

_LOG = logging.getLogger(__name__)
# A dictionary, never `true`: a thread that waits for an approval would take that for one.
LOOK = {"look": True}


async def wake_campaigns(
    pairs: Iterable[tuple[str | None, str | None]], environment: Mapping[str, str] = os.environ
) -> int:
    """Have the campaigns of (campaign id, contact id) look at what happened; how many were woken.

    None where GRAPHWARDEN_URL is not set, and none that cannot be reached: the database knows, and
    each campaign asks it before its next mail.
    """
    threads = sorted({f"campaign-{one}-{other}" for one, other in pairs if one and other})
    if not environment.get(URL) or not threads:
        return 0
    client = open_client(environment)
    woken = 0
    for thread in threads:
        try:
            if (await client.threads.get(thread))["status"] == "interrupted":
                await client.runs.create(thread, "campaign", command={"resume": LOOK})
                woken += 1
        except (LangGraphError, httpx.HTTPError) as error:
            _LOG.info("a campaign was not woken", extra={"error": type(error).__name__})
    return woken
