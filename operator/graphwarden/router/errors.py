"""Errors of the router itself, as answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphwarden.api.errors import Reason


@dataclass(slots=True)
class RouterError(Exception):
    """An answer that the router gives instead of a worker.

    `close`: the connection cannot be used for another request.
    """

    status: int
    reason: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False


def bad_request(
    detail: str, *, status: int = 400, reason: str = Reason.INVALID_REQUEST
) -> RouterError:
    """A request that cannot be understood as HTTP; the connection is closed after the answer."""
    return RouterError(status, reason, detail, close=True)


def retry_later(status: int, reason: str, detail: str, seconds: int = 1) -> RouterError:
    """A call that may go well later."""
    return RouterError(status, reason, detail, {"retry-after": str(seconds)})
