"""Fetching from a real HTTP server whose sites behave as badly as real ones do."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry.sdk.trace import TracerProvider

from graphs.sales.web import FetchFailed, Reason, fetch_home, open_web
from graphs.sales.web.fetching import DATA
from graphs.sales.web.settings import GAP, USER_AGENT
from site_server import SiteServer


async def fail_at(url: str) -> FetchFailed:
    async with open_web() as web:
        with pytest.raises(FetchFailed) as failed:
            await web.get(url)
    return failed.value


@pytest.mark.parametrize(
    ("url", "reason", "words"),
    [
        ("http://loop.example/a", "TooManyRedirects", "in a circle"),
        ("http://loop.example/deep0", "TooManyRedirects", "too often"),
        ("http://loop.example/inside", "PrivateAddress", "not on the public web"),
        ("http://loop.example/machine", "PrivateAddress", "SALES_WEB_ALLOW"),
        ("http://loop.example/file", "BadAnswer", "no address of the web"),
        ("http://loop.example/password", "BadAnswer", "no address of the web"),
        ("http://loop.example/nowhere", "BadAnswer", "no address of the web"),
        ("http://loop.example/closed", "RobotsDisallow", "closed.example: its robots.txt"),
        ("http://closed.example/", "RobotsDisallow", "may not read this page"),
        ("http://acme.example/private/plans", "RobotsDisallow", "may not read this page"),
        ("http://fortress.example/", "Refused", "403"),
        ("http://acme.example/nothing", "NotFound", "404"),
        ("http://busy.example/always", "RateLimited", "429"),
        ("http://busy.example/down", "ServerError", "500"),
        ("http://heavy.example/huge", "TooLarge", "5,000,000 bytes"),
        ("http://heavy.example/bomb", "TooLarge", "5,000,000 bytes"),
        ("http://heavy.example/picture", "NotAPage", "image/png"),
        ("http://heavy.example/strange", "BadAnswer", "packed as 'br'"),
        ("http://heavy.example/broken", "BadAnswer", "packing is broken"),
        ("https://acme.example/", "Unreachable", "does not speak TLS"),
        ("ftp://acme.example/", "InvalidUrl", "only http and https"),
        ("mailto:sam@acme.example", "InvalidUrl", "is not a web address"),
        ("http://sam:secret@acme.example/", "InvalidUrl", "a user name or a password"),
        ("http://", "InvalidUrl", "names no host"),
        ("", "InvalidUrl", "1 to 2000 characters"),
    ],
)
async def test_what_is_not_read_says_why(
    sites: SiteServer, url: str, reason: Reason, words: str
) -> None:
    failure = await fail_at(url)
    assert (failure.reason, words in str(failure)) == (reason, True), failure
    assert "secret" not in str(failure)


async def test_a_chain_of_redirects_is_followed_and_told(sites: SiteServer) -> None:
    async with open_web() as web:
        page = await web.get("http://loop.example/far")
    assert page.url == "http://loop.example/end?x=1"
    assert page.redirects == ("http://loop.example/far", "http://loop.example/far1")


async def test_a_page_that_came_packed_is_unpacked(sites: SiteServer) -> None:
    async with open_web() as web:
        page = await web.get("http://heavy.example/packed")
    assert "<p>A page that came packed.</p>" in page.text


async def test_a_site_that_asks_to_wait_a_moment_is_asked_again(sites: SiteServer) -> None:
    async with open_web() as web:
        page = await web.get("http://busy.example/")
    assert "Busy, but here" in page.text
    assert sites.list_paths("busy.example") == ["/robots.txt", "/", "/"]


@pytest.mark.parametrize("path", ["/later", "/tomorrow"])
async def test_a_site_that_asks_to_wait_long_is_left_alone(sites: SiteServer, path: str) -> None:
    async with open_web() as web:
        with pytest.raises(FetchFailed) as first:
            await web.get(f"http://busy.example{path}")
        with pytest.raises(FetchFailed) as second:
            await web.get("http://busy.example/")
    assert first.value.wait_seconds is not None
    assert first.value.wait_seconds > 7000
    assert (second.value.reason, second.value.is_temporary) == ("AskedToWait", True)
    assert sites.list_paths("busy.example") == ["/robots.txt", path]


async def test_robots_txt_is_asked_once_for_many_pages(sites: SiteServer) -> None:
    async with open_web() as web:
        for path in ("/", "/team", "/pricing"):
            await web.get(f"http://acme.example{path}")
    async with open_web() as web:
        await web.get("http://acme.example/contact")
    assert sites.list_paths("acme.example").count("/robots.txt") == 1


async def test_a_group_of_robots_txt_may_speak_to_us(
    sites: SiteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_web() as web:
        assert "Open" in (await web.get("http://closed.example/open")).text
    monkeypatch.setenv(USER_AGENT, "NorthwindBot/1.0 (+https://northwind.example/bot)")
    assert (await fail_at("http://closed.example/open")).reason == "RobotsDisallow"


async def test_nothing_leaves_but_what_a_polite_program_says(sites: SiteServer) -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("run"):
        async with open_web() as web:
            await web.get("http://acme.example/")
    for request in sites.asked:
        assert set(request.headers) == {
            "host", "user-agent", "accept", "accept-encoding", "accept-language",
        }  # fmt: skip
        assert request.headers["user-agent"].startswith("GraphwardenSales/")


async def test_a_server_that_drips_is_left_after_a_while(sites: SiteServer) -> None:
    async with open_web() as web:
        web.settings = type(web.settings)(web.settings.user_agent, total_seconds=0.5)
        with pytest.raises(FetchFailed) as failed:
            await web.get("http://heavy.example/drip")
    assert failed.value.reason == "TimedOut"


async def test_one_host_is_asked_one_thing_at_a_time(
    sites: SiteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(GAP, "0.2")
    loop = asyncio.get_running_loop()
    async with open_web() as web, open_web() as other:
        began = loop.time()
        await asyncio.gather(
            web.get("http://acme.example/"),
            other.get("http://acme.example/team"),
            web.get("http://acme.example/contact"),
        )
        # Never sooner, however fast the machine: two gaps lie between three pages.
        assert loop.time() - began >= 0.4


async def test_a_home_is_found_by_http_where_https_does_not_answer(sites: SiteServer) -> None:
    async with open_web() as web:
        home = await fetch_home(web, "acme.example")
    assert home.url == "http://acme.example/"


async def test_an_own_service_may_be_private_and_has_no_robots(sites: SiteServer) -> None:
    url = f"http://127.0.0.1:{sites.port}/search?q=robots"
    assert (await fail_at(url)).reason == "PrivateAddress"
    async with open_web() as web:
        with pytest.raises(FetchFailed, match="no such page"):
            await web.get_own(url, DATA)
    assert sites.list_paths("127.0.0.1") == ["/search?q=robots"]
