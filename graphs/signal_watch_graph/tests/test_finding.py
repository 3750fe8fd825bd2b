"""Signals: headlines in many languages, days, jobs, and what is no signal."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.web import read_page
from graphs.signal_watch_graph.finding import (
    KINDS,
    choose_pages,
    classify,
    find_signals,
    read_day,
)

_SINCE = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("headline", "kind"),
    [
        ("Acme raises $12M Series A to grow in Europe", "funding"),
        ("Acme sichert sich Finanzierungsrunde über 5 Millionen Euro", "funding"),
        ("Acme lève 4 millions d'euros", "funding"),
        ("Acme acquires Northwind", "acquisition"),
        ("Acme übernimmt Nordwind GmbH", "acquisition"),
        ("Acme appoints Dana Reyes as Chief Revenue Officer", "leadership"),
        ("Acme nombra a Dana Reyes directora general", "leadership"),
        ("We are opening a new office in Vienna", "expansion"),
        ("Acme eröffnet Standort in Graz", "expansion"),
        ("Acme partners with Globex on logistics", "partnership"),
        ("Acme launches Desk 4.0", "launch"),
        ("Wir suchen Verstärkung im Support", "hiring"),
        ("How to raise $1M in funding", None),
        ("Should you open a new office?", None),
        ("Our summer party", None),
        ("Opens", None),
    ],
)
def test_a_headline_says_what_happened_or_nothing(headline: str, kind: str | None) -> None:
    assert classify(headline) == kind


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-24T09:00:00Z", date(2026, 11, 24)),
        ("24.11.2026", date(2026, 11, 24)),
        ("24. November 2026 | Presse", date(2026, 11, 24)),
        ("November 24, 2026", date(2026, 11, 24)),
        ("Nov. 24, 2026", date(2026, 11, 24)),
        ("24 novembre 2026", date(2026, 11, 24)),
        ("24 de noviembre de 2026", date(2026, 11, 24)),
        ("11/24/2026", None),
        ("31.02.2026", None),
        ("Room 2026", None),
    ],
)
def test_days_are_read_where_they_are_certain(text: str, day: date | None) -> None:
    assert read_day(text) == day


_NEWS = """
<html><body><main>
<h2><a href="/news/raise">Acme raises $12M Series A</a></h2><p>24 November 2026</p>
<h2>Acme launches Desk 4.0</h2><p>3 January 2020</p>
<a href="/news/2026/10/vienna/">Acme opens office in Vienna</a>
<h2>How to launch a product</h2>
</main></body></html>
"""


def test_news_have_their_address_and_their_day_and_old_ones_are_left_out() -> None:
    found = find_signals(read_page("https://acme.example/news", _NEWS), KINDS, _SINCE)
    assert [(each.kind, each.url, each.at) for each in found] == [
        ("funding", "https://acme.example/news/raise", date(2026, 11, 24)),
        ("expansion", "https://acme.example/news/2026/10/vienna/", date(2026, 10, 1)),
    ]


def test_the_front_page_only_advertises() -> None:
    assert find_signals(read_page("https://acme.example/", _NEWS), KINDS, _SINCE) == []


def test_only_the_kinds_that_are_asked_for_are_told() -> None:
    found = find_signals(read_page("https://acme.example/news", _NEWS), ["expansion"], _SINCE)
    assert [each.kind for each in found] == ["expansion"]


def test_articles_and_jobs_that_are_data_are_read_anywhere() -> None:
    html = """<script type="application/ld+json">[
      {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "Acme acquires Globex",
       "datePublished": "2026-11-01", "url": "https://acme.example/n/1"},
      {"@context": "https://schema.org", "@type": "JobPosting", "title": "Head of Support",
       "datePosted": "2026-11-02", "url": "https://acme.example/j/1"}]</script>"""
    found = find_signals(read_page("https://acme.example/", html), KINDS, _SINCE)
    assert [(each.kind, each.url, each.at, each.note) for each in found] == [
        ("hiring", "https://acme.example/j/1", date(2026, 11, 2), "hiring a Head of Support"),
        ("acquisition", "https://acme.example/n/1", date(2026, 11, 1), "Acme acquires Globex"),
    ]


def test_the_links_of_a_careers_page_that_are_titles_are_jobs() -> None:
    html = """<h1>Careers</h1><a href="/jobs/1">Head of Support</a><a href="/">Home</a>
      <a href="/jobs/2">Account Manager</a><a href="/privacy">Privacy policy</a>"""
    found = find_signals(read_page("https://acme.example/careers", html), KINDS, _SINCE)
    assert [each.evidence for each in found] == ["Head of Support", "Account Manager"]


def test_pages_with_news_and_jobs_are_chosen() -> None:
    html = """<a href="/presse">Presse</a><a href="/team">Team</a><a href="/x">Newsroom</a>
      <a href="/careers">Jobs</a><a href="/presse#top">Presse</a>"""
    home = read_page("https://acme.example/", html)
    assert choose_pages(home, 9) == [
        "https://acme.example/presse", "https://acme.example/x", "https://acme.example/careers",
    ]  # fmt: skip
    assert len(choose_pages(home, 1)) == 1


@given(st.text(max_size=300))
def test_any_text_has_one_kind_or_none_and_a_day_or_none(text: str) -> None:
    assert classify(text) in (*KINDS, None)
    assert read_day(text) is None or isinstance(read_day(text), date)
