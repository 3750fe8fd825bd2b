"""What a server answered: whether it is a page, and when it wants to be asked again."""

from __future__ import annotations

import email.utils
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import httpcore
import httpx

from graphs.sales.web.bodies import decode, read_body
from graphs.sales.web.failures import FetchFailed, Reason

REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Fetched:
    """An answer with status 200. `url` is where it was, after `redirects` from other addresses."""

    url: str
    redirects: tuple[str, ...]
    content_type: str
    body: bytes
    headers: httpx.Headers

    @property
    def text(self) -> str:
        """The body as text, whatever encoding it is in."""
        return decode(self.body, self.content_type)


class Answer(NamedTuple):
    """What a server said; the body only with status 200."""

    status: int
    headers: httpx.Headers
    body: bytes


async def read_answer(answer: httpcore.Response, most_bytes: int) -> Answer:
    headers = httpx.Headers(answer.headers)
    if answer.status != 200:
        # What else a server says is for people; the next request may need a new connection.
        return Answer(answer.status, headers, b"")
    said = headers.get("content-length", "")
    if said.isdecimal() and int(said) > most_bytes:
        raise FetchFailed("TooLarge", f"The page has over {most_bytes:,} bytes.")
    packing = headers.get("content-encoding", "")
    body = await read_body(answer.aiter_stream(), packing, most_bytes)
    return Answer(answer.status, headers, body)


def accept_page(
    answer: Answer, url: str, redirects: tuple[str, ...], accept: Sequence[str]
) -> Fetched:
    """The answer as a page.

    Raises:
        FetchFailed: it is none, or none of the kinds asked for.
    """
    if answer.status != 200:
        reason, sentence = _judge_status(answer.status)
        wait = read_wait(answer)
        raise FetchFailed(reason, sentence, status=answer.status, wait_seconds=wait)
    said = answer.headers.get("content-type", "")
    kind = said.partition(";")[0].strip().lower()
    if kind and kind not in accept:
        raise FetchFailed("NotAPage", f"It is {kind[:80]}, not {accept[0]}.", status=200)
    return Fetched(url, redirects, said, answer.body, answer.headers)


def _judge_status(status: int) -> tuple[Reason, str]:
    if status == 429:
        return "RateLimited", "The site has had too many requests (429)."
    if status in (401, 402, 403, 407, 451):
        return "Refused", f"The site does not let this program in ({status})."
    if status in (404, 410):
        return "NotFound", f"There is no such page ({status})."
    if status >= 500:
        return "ServerError", f"The site fails at it ({status})."
    return "BadAnswer", f"The site answers with status {status}."


def read_wait(answer: Answer) -> float | None:
    """The seconds of Retry-After, in either of its spellings."""
    said = answer.headers.get("retry-after", "").strip()
    if answer.status not in (429, 503) or not said:
        return None
    if said.isdecimal():
        return float(said[:9])
    try:
        at = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
