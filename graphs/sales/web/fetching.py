"""Fetch pages of strangers' sites: politely, within limits, and from the public web alone."""

from __future__ import annotations

import asyncio
import functools
import os
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import httpcore
import httpx

from graphs.sales.spans import Span, count, span
from graphs.sales.web.answers import REDIRECTS, Answer, Fetched, accept_page, read_answer, read_wait
from graphs.sales.web.bodies import ENCODINGS
from graphs.sales.web.failures import FetchFailed
from graphs.sales.web.network import GuardedBackend
from graphs.sales.web.pace import Pace
from graphs.sales.web.robots import ALL_ALLOWED, MOST_BYTES, Robots, RobotsMemory, parse_robots
from graphs.sales.web.settings import WebSettings, read_web_settings
from graphs.sales.web.urls import join_url, parse_url

PAGES = ("text/html", "application/xhtml+xml", "text/plain")
DATA = ("application/json",)
_BROKEN_ROBOTS_SECONDS = 300.0


@dataclass
class _Shared:
    """What all fetchers of an event loop share, so that runs beside each other are polite too."""

    pace: Pace
    robots: RobotsMemory


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


class Fetcher:
    """Opened by `open_web`; any number of tasks may use one."""

    def __init__(
        self,
        settings: WebSettings,
        shared: _Shared,
        strangers: httpcore.AsyncConnectionPool,
        own: httpcore.AsyncConnectionPool,
    ) -> None:
        self.settings = settings
        self._shared = shared
        self._strangers = strangers
        self._own = own

    async def get(self, url: str, accept: Sequence[str] = PAGES) -> Fetched:
        """A page: robots.txt asked, redirects followed and each hop judged anew.

        A site that asks to wait (429 or 503 with Retry-After) is asked once more after that, where
        it is not longer than the settings' patience.

        Raises:
            FetchFailed: with its reason.
        """
        with span("web get", {"http.request.method": "GET"}, kind="client") as asking:
            try:
                fetched = await self._follow(parse_url(url), accept, asking)
            except FetchFailed as failure:
                asking.set({"http.response.status_code": failure.status})
                count("web_fetches", outcome=failure.reason)
                raise
            asking.set({"http.response.status_code": 200, "hops": len(fetched.redirects)})
            asking.set({"http.response.body.size": len(fetched.body)})
            count("web_fetches", outcome="Read")
            return fetched

    async def get_own(
        self, url: str, accept: Sequence[str] = DATA, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """An address that this pool's settings name, such as a search service: no robots.txt is
        asked, it may be private, and it redirects nowhere.

        Raises:
            FetchFailed: with its reason.
        """
        with span("web get", {"http.request.method": "GET"}, kind="client"):
            target = parse_url(url)
            answer = await self._ask(self._own, target, accept, self.settings.most_bytes, headers)
            return accept_page(answer, str(target), (), accept)

    async def _follow(self, url: httpx.URL, accept: Sequence[str], asking: Span) -> Fetched:
        passed: list[str] = []
        while True:
            answer = await self._get_one(url, accept)
            if answer.status not in REDIRECTS:
                return accept_page(answer, str(url), tuple(passed), accept)
            passed.append(str(url))
            asking.event("redirect")
            target = join_url(str(url), answer.headers.get("location", ""))
            if target is None:
                raise FetchFailed("BadAnswer", "The page redirects to no address of the web.")
            if target in passed or len(passed) > self.settings.most_redirects:
                raise FetchFailed(
                    "TooManyRedirects", "The page redirects in a circle, or too often."
                )
            url = parse_url(target)

    async def _get_one(self, url: httpx.URL, accept: Sequence[str]) -> Answer:
        robots = await self._find_robots(url)
        if not robots.allows(str(url), self.settings.robot):
            why = robots.closed or "its robots.txt says that programs may not read this page"
            raise FetchFailed("RobotsDisallow", f"{url.host}: {why}.")
        gap = max(self.settings.gap_seconds, robots.read_gap(self.settings.robot))
        answer = await self._take_turn(url, accept, self.settings.most_bytes, gap)
        wait = read_wait(answer)
        if wait is not None:
            self._shared.pace.hold(url.host, wait)
            if wait <= self.settings.patience_seconds:
                answer = await self._take_turn(url, accept, self.settings.most_bytes, gap)
        return answer

    async def _take_turn(
        self, url: httpx.URL, accept: Sequence[str], most_bytes: int, gap: float
    ) -> Answer:
        async with self._shared.pace.turn(url.host, gap, self.settings.patience_seconds):
            return await self._ask(self._strangers, url, accept, most_bytes)

    async def _find_robots(self, url: httpx.URL) -> Robots:
        loop = asyncio.get_running_loop()
        origin = str(url.copy_with(path="/", query=None))
        known = self._shared.robots.find(origin, loop.time())
        if known is None:
            known = await self._read_robots(httpx.URL(origin).join("/robots.txt"))
            kept = _BROKEN_ROBOTS_SECONDS if known.closed else None
            self._shared.robots.keep(origin, known, loop.time(), kept)
        return known

    async def _read_robots(self, url: httpx.URL) -> Robots:
        """RFC 9309, 2.3.1: a file that is not there allows all, one that cannot be had nothing.

        Raises:
            FetchFailed: the host cannot be reached at all.
        """
        for _hop in range(self.settings.most_redirects + 1):
            try:
                answer = await self._take_turn(url, ("text/plain", "*/*"), MOST_BYTES, 0.0)
            except FetchFailed as failure:
                if failure.reason != "TooLarge":
                    raise
                return Robots(closed="its robots.txt is too large to be read")
            if answer.status not in REDIRECTS:
                break
            target = join_url(str(url), answer.headers.get("location", ""))
            if target is None:
                return ALL_ALLOWED
            url = parse_url(target)
        if answer.status == 200:
            return parse_robots(answer.body.decode("utf-8-sig", errors="replace"))
        if answer.status == 429 or answer.status >= 500:
            return Robots(closed=f"its robots.txt cannot be read now ({answer.status})")
        return ALL_ALLOWED

    async def _ask(
        self,
        pool: httpcore.AsyncConnectionPool,
        url: httpx.URL,
        accept: Sequence[str],
        most_bytes: int,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        said = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": self.settings.user_agent,
            "Accept": ", ".join([*accept, "*/*;q=0.1"]),
            "Accept-Encoding": ENCODINGS,
            "Accept-Language": "en, *;q=0.5",
            **(headers or {}),
        }
        times = {
            "connect": self.settings.connect_seconds,
            "read": self.settings.read_seconds,
            "write": self.settings.read_seconds,
            "pool": self.settings.total_seconds,
        }
        pairs = [(name.encode("ascii"), value.encode("ascii")) for name, value in said.items()]
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        try:
            async with (
                asyncio.timeout(self.settings.total_seconds),
                pool.stream("GET", target, headers=pairs, extensions={"timeout": times}) as answer,
            ):
                return await read_answer(answer, most_bytes)
        except (TimeoutError, httpcore.TimeoutException):
            raise FetchFailed("TimedOut", f"{url.host} takes too long to answer.") from None
        except httpcore.NetworkError as error:
            raise FetchFailed("Unreachable", _explain(url, error)) from None
        except httpcore.ProtocolError:
            raise FetchFailed("BadAnswer", f"{url.host} answers in no valid HTTP.") from None


def _explain(url: httpx.URL, error: Exception) -> str:
    cause = error.__cause__ or error.__context__ or error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"{url.host} has no valid certificate: {cause.verify_message}."
    if isinstance(cause, ssl.SSLError):
        return f"{url.host} does not speak TLS at port {url.port or 443}."
    return f"{url.host} cannot be reached."


@asynccontextmanager
async def open_web(
    environment: Mapping[str, str] = os.environ, settings: WebSettings | None = None
) -> AsyncIterator[Fetcher]:
    """A fetcher by the settings of this process, for one run; its connections end with it.

    Raises:
        InvalidWebSetting: naming the variable.
    """
    settings = settings or read_web_settings(environment)
    loop = asyncio.get_running_loop()
    shared = _shared.setdefault(loop, _Shared(Pace(), RobotsMemory()))
    async with AsyncExitStack() as stack:
        strangers, own = [
            await stack.enter_async_context(
                httpcore.AsyncConnectionPool(
                    ssl_context=_make_ssl_context(),
                    max_connections=20,
                    max_keepalive_connections=5,
                    network_backend=GuardedBackend(settings, environment, is_trusting=trusting),
                )
            )
            for trusting in (False, True)
        ]
        yield Fetcher(settings, shared, strangers, own)


@functools.cache
def _make_ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()
