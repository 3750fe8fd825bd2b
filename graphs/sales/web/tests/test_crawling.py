"""Crawls of whole sites on a real HTTP server."""

from __future__ import annotations

from graphs.sales.web import crawl, fetch_home, open_web
from site_server import SiteServer


async def test_a_site_is_read_people_first_each_page_once(sites: SiteServer) -> None:
    async with open_web() as web:
        found = await crawl(web, await fetch_home(web, "acme.example"), most_pages=20)
    paths = [page.url.removeprefix("http://acme.example") for page in found.pages]
    assert paths[:3] == ["/", "/team", "/contact"]
    assert len(set(paths)) == len(paths)
    unread = {each.url.removeprefix("http://acme.example"): each.reason for each in found.unread}
    assert unread["/private/plans"] == "RobotsDisallow"
    assert unread["/blog/robots"] == "NotFound"
    assert "/brochure.pdf" not in unread
    assert not sites.list_paths("elsewhere.example")


async def test_a_crawl_keeps_to_its_limits(sites: SiteServer) -> None:
    async with open_web() as web:
        home = await fetch_home(web, "acme.example")
        two = await crawl(web, home, most_pages=2)
        flat = await crawl(web, home, most_depth=0)
        near = await crawl(web, home, most_pages=50, most_depth=1)
    assert len(two.pages) == 2
    assert [page.url for page in flat.pages] == ["http://acme.example/"]
    assert all("/blog/" not in each.url for each in near.unread)


async def test_a_site_that_fails_at_a_page_gives_the_others(sites: SiteServer) -> None:
    async with open_web() as web:
        found = await crawl(web, await fetch_home(web, "loop.example"))
    assert [page.title for page in found.pages] == ["Loop"]
    assert [each.reason for each in found.unread] == ["TooManyRedirects"]
