"""Pages into facts: by pages with real mess in them, and by tables."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.web import Page, matches_name, read_page
from graphs.sales.web.bodies import decode
from graphs.sales.web.mails import read_address
from graphs.sales.web.names import is_title, make_name_key, read_name, split_name
from graphs.sales.web.pages import find_kinds
from graphs.sales.web.urls import find_site, is_file, join_url, make_key
from site_server import SITES


def read(host: str, path: str) -> Page:
    html = (SITES / host / f"{path}.html").read_text(encoding="utf-8")
    return read_page(f"https://{host}/{path}", html)


def show(page: Page) -> list[tuple[str, str, str]]:
    return [(each.name, each.title, each.email) for each in page.people]


def test_a_team_page_gives_its_people_each_once() -> None:
    assert show(read("acme.example", "team")) == [
        ("Dana Reyes", "Chief Executive Officer", "dana.reyes@acme.example"),
        ("Ola Berg", "Co-Founder & CTO", "ola.berg@acme.example"),
        ("Marcus O'Neill", "Keeper of the robots", ""),
        ("María-José de la Cruz", "VP of Sales, EMEA", "mj.delacruz@acme.example"),
        ("Hiroshi Tanaka", "Chairman, formerly at Kumo Ventures", ""),
    ]


def test_a_table_in_broken_german_html_gives_its_people() -> None:
    page = read("brauwerk.example", "ansprechpartner")
    assert show(page) == [
        ("Jürgen Großmann", "Vertriebsleiter", "grossmann@brauwerk.example"),
        (
            "Annegret Müller-Lüdenscheidt",
            "Leiterin Einkauf",
            "a.mueller-luedenscheidt@brauwerk.example",
        ),
        ("Karl-Heinz von der Tann", "Technischer Berater", ""),
    ]
    assert page.language == "de"


def test_an_imprint_names_those_who_answer_for_the_company() -> None:
    assert show(read("brauwerk.example", "impressum")) == [
        ("Sabine Hölzl", "Geschäftsführer", ""),
        ("Jürgen Großmann", "Geschäftsführer", ""),
    ]
    assert show(read("atelier-lune.example", "mentions-legales")) == [
        ("Élodie Lefèvre", "Directrice de la publication", "")
    ]


def test_microdata_and_cards_of_one_page_are_put_together() -> None:
    page = read("atelier-lune.example", "index")
    assert show(page) == [
        ("Élodie Lefèvre", "fondatrice", "elodie@atelier-lune.example"),
        ("Théo D’Alembert", "Responsable de l’atelier", "theo.dalembert@atelier-lune.example"),
    ]
    (business,) = page.data.list_typed("LocalBusiness")
    (address,) = page.data.list_values(business, "address")
    assert page.data.find_text(address, "addressCountry") == "FR"


def test_vcards_of_one_person_are_one_person() -> None:
    page = read("harbor.example", "over-ons")
    (person,) = page.people
    assert (person.name, person.title) == ("Jan van der Meer", "Directeur")
    assert (person.email, person.phone) == ("jan@harbor.example", "+31-10-555-0101")


def test_a_graph_of_json_ld_is_flat_and_its_references_are_followed() -> None:
    page = read("acme.example", "index")
    (organisation,) = page.data.list_typed("Organization")
    (founder,) = page.data.list_values(organisation, "founder")
    assert page.data.find_text(founder, "name") == "Dana Reyes"
    (site,) = page.data.list_typed("WebSite")
    assert page.data.find_text(site, "publisher") == "Acme Robotics Ltd"
    assert page.people[0].how == "data"


def test_json_ld_with_comments_and_commas_too_many_is_mended() -> None:
    page = read("harbor.example", "index")
    (organisation,) = page.data.list_typed("Organization")
    assert page.data.find_text(organisation, "name") == "Harbor Automation BV"
    assert [each.address for each in page.mails] == ["info@harbor.example"]


@pytest.mark.parametrize(
    "block",
    ["", "{", "null", "[1, 2]", '{"@type": null}', '{"@type": {"a": 1}}', "[" * 50_000, "NaN",
     '{"@graph": {"@graph": "x"}}', '{"@id": "#a", "@type": "Person", "name": ["", null, 3]}',
     '{"@type": "Person", "name": {"@id": "#self"}, "@id": "#self"}'],
)  # fmt: skip
def test_json_ld_of_any_shape_hurts_nothing(block: str) -> None:
    page = read_page("https://a.example/", f'<script type="application/ld+json">{block}</script>')
    assert page.people == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["@type", "@id", "@graph", "name", "email", "jobTitle", "sameAs"]),
            inner | st.sampled_from(["Person", "Organization", "#a"]),
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_json_ld_of_every_shape_is_read(value: object) -> None:
    html = f'<body><script type="application/ld+json">{json.dumps(value)}</script>'
    read_page("https://a.example/", html)


@given(st.text(max_size=300))
def test_any_text_is_read_as_a_page(text: str) -> None:
    read_page("https://a.example/", text)


@pytest.mark.parametrize(
    ("html", "address"),
    [
        ('<a href="mailto:Sam@Acme.example?subject=Hi">Sam</a>', "sam@acme.example"),
        ('<a href="MAILTO:%73am%40acme.example">x</a>', "sam@acme.example"),
        ('<a href="mailto:sam [at] acme.example">x</a>', "sam@acme.example"),
        ("<p>sam<b>@</b>acme.example.</p>", "sam@acme.example"),
        ("<p>sam&#64;acme&#46;example</p>", "sam@acme.example"),
        ("<p>sam (at) acme (dot) example</p>", "sam@acme.example"),
        ("<p>sam{at}acme{dot}co{dot}example</p>", "sam@acme.co.example"),
        ("<p>sam AT acme DOT example</p>", "sam@acme.example"),
        ("<p>sam(ät)acme.example</p>", "sam@acme.example"),
        ("<p>sam [arroba] acme [punto] example</p>", "sam@acme.example"),
        ('<p style="direction: rtl">elpmaxe.emca@mas</p>', "sam@acme.example"),
        ('<i data-user="sam" data-domain="acme" data-tld="example"></i>', "sam@acme.example"),
        (
            '<a href="/cdn-cgi/l/email-protection#2053414d6041434d450e4558414d504c45">x</a>',
            "sam@acme.example",
        ),
        ('<p>sam<i style="display:none">NOSPAM</i>@acme.example</p>', "sam@acme.example"),
        ("<p>sam@bücher.example</p>", "sam@bücher.example"),
    ],
)
def test_an_address_is_read_however_it_is_written(html: str, address: str) -> None:
    page = read_page("https://acme.example/", f"<body>{html}")
    assert [each.address for each in page.mails] == [address]


@pytest.mark.parametrize(
    "html",
    [
        '<img src="logo@2x.png">logo@2x.png',
        "you@example.com",
        "meet us at acme.example",
        "0123456789abcdef0123456789abcdef@o1.ingest.sentry.io",
        '<p hidden>trap@acme.example</p><p style="visibility: hidden">trap@acme.example</p>',
        "<!-- old@acme.example --><script>x='js@acme.example'</script>",
        "a..b@acme.example @acme.example acme@ sam@acme",
        '<a href="mailto:">write</a><a href="mailto:?subject=x">share</a>',
    ],
)
def test_what_only_looks_like_an_address_is_none(html: str) -> None:
    assert read_page("https://acme.example/", f"<body>{html}").mails == ()


@given(st.text(max_size=400))
def test_no_text_is_slow_or_breaks_the_reading_of_addresses(text: str) -> None:
    address = read_address(text)
    assert address is None or "@" in address


@pytest.mark.parametrize("text", ["a" * 20_000, "a." * 10_000, "a@" * 10_000, "a (at) " * 3000])
def test_a_long_line_is_read_in_time(text: str) -> None:
    read_page("https://acme.example/", f"<body><p>{text}</p>")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Dana Reyes", "Dana Reyes"),
        ("  Dr.  Ola Berg, PhD ", "Ola Berg"),
        ("Prof. Dr. med. Karl-Heinz von der Tann", "Karl-Heinz von der Tann"),
        ("JAN VAN DER MEER", "Jan van der Meer"),
        ("María-José de la Cruz", "María-José de la Cruz"),
        ("Phil Collins", "Phil Collins"),
        ("Jack Ma", "Jack Ma"),
        ("Sinéad O'Connor (she/her)", "Sinéad O'Connor"),
        ("J. R. Smith", "J. R. Smith"),
        ("山田 太郎", "山田 太郎"),
        ("Йордан Петров", "Йордан Петров"),
        ("Maria Brand", "Maria Brand"),
        ("Karl Lagerfeld", "Karl Lagerfeld"),
        ("Andreas Helfer", "Andreas Helfer"),
        ("Ai Nguyen", "Ai Nguyen"),
        ("Brand Story", None),
        ("Head Office", None),
        ("AI Platform", None),
        ("Our Team", None),
        ("New York", None),
        ("San Francisco", None),
        ("Controls Engineer", None),
        ("Leiterin Einkauf", None),
        ("Read more", None),
        ("Acme Robotics Ltd", None),
        ("dana reyes", None),
        ("Dana", None),
        ("Dana Reyes, London", None),
        ("4 Robots", None),
        ("", None),
    ],
)
def test_a_name_is_told_from_other_words(text: str, name: str | None) -> None:
    assert read_name(text) == name


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("Dana Reyes, Head of Sales", ("Dana Reyes", "Head of Sales")),
        ("Dana Reyes – CEO", ("Dana Reyes", "CEO")),
        ("Dana Reyes | VP Marketing, EMEA", ("Dana Reyes", "VP Marketing, EMEA")),
        ("CEO: Dana Reyes", ("Dana Reyes", "CEO")),
        ("Dana Reyes, London", None),
        ("Dana Reyes, Brand Partners", None),
        ("Dana Reyes – Marketing Hub", None),
        ("Sales, Marketing", None),
    ],
)
def test_a_line_may_have_name_and_title(line: str, pair: tuple[str, str] | None) -> None:
    assert split_name(line) == pair


@pytest.mark.parametrize(
    "title", ["CEO", "Geschäftsführerin", "Directrice générale", "Jefa de ventas", "代表取締役社長"]
)
def test_a_title_is_told_in_many_languages(title: str) -> None:
    assert is_title(title)


@pytest.mark.parametrize("word", ["Ventilation", "Heading home", "Coorg", "A"])
def test_other_words_are_no_title(word: str) -> None:
    assert not is_title(word)


def test_a_name_is_the_same_in_any_spelling() -> None:
    assert make_name_key("GROẞMANN, Jürgen".lower()) == make_name_key("Jürgen Großmann")
    assert make_name_key("Élodie Lefèvre") == make_name_key("Elodie LEFEVRE")


@pytest.mark.parametrize(
    ("local", "fits"),
    [("dana.reyes", True), ("dreyes", True), ("reyes.d", True), ("dana", True), ("danar", True),
     ("reyes", True), ("info", False), ("d", False), ("diana", False), ("ola.reyes", False)],
)  # fmt: skip
def test_an_address_is_made_of_a_name_or_not(local: str, fits: bool) -> None:
    assert matches_name(local, "Dana Reyes") is fits


def test_an_address_that_two_people_may_have_is_given_to_none() -> None:
    html = "<ul><li>Dana Reyes, CEO<li>Diego Reyes, CTO</ul><p>reyes@acme.example"
    page = read_page("https://acme.example/team", html)
    assert [each.email for each in page.people] == ["", ""]
    html = "<ul><li>Dana Reyes, CEO<li>Diego Soto, CTO</ul><p>d.soto@acme.example"
    page = read_page("https://acme.example/team", html)
    assert [each.email for each in page.people] == ["", "d.soto@acme.example"]


def test_a_page_that_a_program_would_write_says_so() -> None:
    assert read("spa.example", "index").needs_javascript
    assert not read("acme.example", "index").needs_javascript


def test_the_text_has_no_menu_and_no_footer() -> None:
    text = read("acme.example", "index").text
    assert "No floor works, no downtime." in text
    assert "Careers" not in text
    assert "Write to us" not in text


@pytest.mark.parametrize(
    ("url", "heading", "kind"),
    [
        ("https://a.example/en/careers/", "", "careers"),
        ("https://a.example/x", "Unser Team | A", "team"),
        ("https://a.example/tarifs.html", "", "pricing"),
        ("https://a.example/mentions-legales", "", "imprint"),
        ("https://a.example/blog/our-team-wins", "A prize", None),
    ],
)
def test_a_kind_of_page_is_told(url: str, heading: str, kind: str | None) -> None:
    assert find_kinds(url, [heading]) == ({kind} if kind else set())


@pytest.mark.parametrize(
    ("body", "said", "text"),
    [
        ("Grüße".encode(), "text/html", "Grüße"),
        ("Grüße".encode(), "text/html; charset=iso-8859-1", "Grüße"),
        ("Grüße".encode("cp1252"), "text/html; charset=utf-8", "Grüße"),
        ("Grüße".encode("cp1252"), "text/html", "Grüße"),
        ("<meta charset=iso-8859-2>Gródź".encode("iso-8859-2"), "text/html", "Gródź"),
        ("Привет".encode("koi8-r"), "text/html; charset=koi8-r", "Привет"),
        ("日本".encode("shift_jis"), "text/html; charset=shift_jis", "日本"),
        ("Hi".encode("utf-16"), "text/html", "Hi"),
        (b"\xef\xbb\xbfHi", "text/html", "Hi"),
        (b"Hi", "text/html; charset=nonsense", "Hi"),
    ],
)
def test_text_is_read_whatever_encoding_it_is_in(body: bytes, said: str, text: str) -> None:
    assert decode(body, said).endswith(text)


@given(st.binary(max_size=300), st.text(max_size=40))
def test_any_bytes_are_some_text(body: bytes, said: str) -> None:
    decode(body, said)


def test_two_spellings_of_a_page_have_one_key() -> None:
    assert make_key("https://www.acme.example/a/?b=1&a=2&utm_source=x#top") == make_key(
        "http://acme.example/a?a=2&b=1"
    )
    assert make_key("https://acme.example/index.html") == make_key("https://acme.example")


@pytest.mark.parametrize(
    ("host", "site"),
    [("blog.acme.co.uk", "acme.co.uk"), ("WWW.Acme.de.", "acme.de"), ("127.0.0.1", "127.0.0.1"),
     ("localhost", "localhost"), ("a.github.io", "a.github.io"), ("x.acme.test", "acme.test")],
)  # fmt: skip
def test_a_site_is_what_somebody_registered(host: str, site: str) -> None:
    assert find_site(host) == site


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("team", "https://a.example/x/team"),
        ("//b.example/#top", "https://b.example/"),
        ("?q=a b", "https://a.example/x/?q=a%20b"),
        ("#top", None),
        ("javascript:void(0)", None),
        ("mailto:a@b.example", None),
        ("http://[broken", None),
        ("https://a:b@c.example", None),
    ],
)
def test_a_link_leads_to_a_page_or_nowhere(link: str, url: str | None) -> None:
    assert join_url("https://a.example/x/", link) == url


def test_a_file_is_no_page() -> None:
    assert is_file("https://a.example/b.PDF?x=1")
    assert not is_file("https://a.example/b.html")
