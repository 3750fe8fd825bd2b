"""What discovery makes of pages and of what people ask for: by tables."""

from __future__ import annotations

import pytest

from graphs.sales.discovery.demands import name_size, read_demands
from graphs.sales.discovery.elsewhere import is_elsewhere
from graphs.sales.discovery.profile import read_profile
from graphs.sales.discovery.search import read_listing
from graphs.sales.discovery.sites import gather_people, has_kind
from graphs.sales.web import read_page
from site_server import SITES


@pytest.mark.parametrize(
    ("size", "people"),
    [("20-500", (20, 500)), ("500–20", (20, 500)), ("50+", (50, 10_000_000)), ("<50", (1, 49)),
     ("Small", (10, 49)), ("1,000-5,000 employees", (1000, 5000)), ("", None)],
)  # fmt: skip
def test_a_size_is_read_as_people_write_it(size: str, people: tuple[int, int] | None) -> None:
    assert read_demands("", size).people == people


def test_regions_are_countries() -> None:
    asked = read_demands("DACH, Benelux", "").countries
    assert asked == frozenset(["DE", "AT", "CH", "BE", "NL", "LU"])
    assert read_demands("Scandinavia", "").countries == read_demands("nordics", "").countries
    assert read_demands("", "").countries is None


def test_what_is_not_known_of_a_company_is_no_reason_to_refuse_it() -> None:
    demands = read_demands("DE", "20-500")
    assert demands.find_mismatch(None, None) is None
    assert demands.find_mismatch("DE", 100) is None
    assert demands.find_mismatch("FR", 100) == ("OutsideGeography", "It is in FR.")
    assert demands.find_mismatch("DE", 5) == ("WrongSize", "It has 5 people.")


@pytest.mark.parametrize(
    ("employees", "size"), [(1, "1-10"), (10, "1-10"), (11, "11-50"), (5001, "5001+")]
)
def test_a_number_of_people_has_a_name(employees: int, size: str) -> None:
    assert name_size(employees) == size


@pytest.mark.parametrize(
    ("url", "html", "name", "country"),
    [
        ("https://www.acme.de/", "<title>Home | ACME GmbH</title>", "ACME GmbH", "DE"),
        ("https://acme.io/", "<title>Start</title>", "acme.io", None),
        ("https://acme.co.uk/", "<title>Acme: robots</title>", "Acme", "GB"),
        ("https://a.com/", '<meta property="og:site_name" content="Alpha">', "Alpha", None),
        (
            "https://a.com/",
            '<script type="application/ld+json">{"@type":"Dentist","name":"Dr. Smile","address":'
            '{"addressCountry":{"@type":"Country","name":"Schweiz"}}}</script>',
            "Dr. Smile",
            "CH",
        ),
    ],
)
def test_a_company_is_read_from_its_first_page(
    url: str, html: str, name: str, country: str | None
) -> None:
    profile = read_profile(read_page(url, html))
    assert (profile.name, profile.country) == (name, country)


def test_a_listing_gives_each_company_once_and_no_network() -> None:
    html = (SITES / "directory.example" / "index.html").read_text()
    found = list(read_listing(read_page("https://directory.example/", html), "x"))
    assert [each.domain for each in found] == [
        "acme.example", "harbor.example", "brauwerk.example", "spa.example", "gone.example",
    ]  # fmt: skip


def test_networks_and_directories_are_no_companies() -> None:
    assert is_elsewhere("de.linkedin.com")
    assert is_elsewhere("amazon.co.uk")
    assert not is_elsewhere("acme.example")


def test_what_several_pages_say_of_one_person_is_put_together() -> None:
    card = read_page("https://a.example/team", "<li>Dana Reyes, CEO")
    imprint = read_page("https://a.example/impressum", "<p>Geschäftsführerin: Dana Reyes")
    ((person, page),) = gather_people([card, imprint])
    assert (person.title, page) == ("Geschäftsführerin", "https://a.example/impressum")


def test_offers_of_work_at_somebody_elses_count() -> None:
    html = '<a href="https://boards.greenhouse.io/acme">Open roles</a>'
    assert has_kind([read_page("https://a.example/", html)], "careers")
    assert not has_kind([read_page("https://a.example/", "<a href=/x>x</a>")], "careers")
