"""Why a page was not read."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "InvalidUrl",
    "PrivateAddress",
    "RobotsDisallow",
    "Unreachable",
    "TimedOut",
    "TooManyRedirects",
    "Refused",
    "NotFound",
    "RateLimited",
    "AskedToWait",
    "ServerError",
    "BadAnswer",
    "TooLarge",
    "NotAPage",
]
_TEMPORARY = frozenset({"Unreachable", "TimedOut", "RateLimited", "AskedToWait", "ServerError"})


class FetchFailed(Exception):
    """A page that was not read. `reason` is a word out of few, the text says it to a person.

    `status` is the HTTP status where there was one; `wait_seconds` how long the site asks to wait.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        status: int | None = None,
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.wait_seconds = wait_seconds

    @property
    def is_temporary(self) -> bool:
        """Whether the same call may succeed later."""
        return self.reason in _TEMPORARY
