"""How long the router waits for a worker's answer. Pure."""

from __future__ import annotations

from graphwarden.api.errors import Reason
from graphwarden.api.table import AssistantRoute
from graphwarden.router.errors import RouterError

# What clients wait for at least.
_SHORTEST_SECONDS = 300.0
# The worker enforces the run's own timeout; only one that fails to is cut off here.
_MARGIN_SECONDS = 30.0


def make_run_timeout(route: AssistantRoute) -> float:
    """Seconds for a run without a thread, from sending it to the end of its answer."""
    return max(route.timeout_seconds + _MARGIN_SECONDS, _SHORTEST_SECONDS)


def run_timed_out(seconds: float) -> RouterError:
    """The answer for a worker that gives none."""
    detail = f"no answer within {seconds:g} s, the graph's timeout and more"
    return RouterError(504, Reason.UPSTREAM_TIMEOUT, detail)
