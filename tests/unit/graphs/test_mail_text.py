"""Quoting, subjects, names, notes and checks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.sales.checks import SUBJECT_LIMIT, check_claims, check_resolved, check_subject
from graphs.sales.composing import first_name, make_reply_subject, shorten
from graphs.sales.drafts import Draft, to_html
from graphs.sales.notes import address_note
from graphs.sales.quoting import remove_quoted

_WORDS = st.lists(
    st.sampled_from(["yes", "please", "call", "me", "tomorrow", "we", "like", "it", "Thanks"]),
    min_size=1,
    max_size=12,
).map(" ".join)


@given(st.text(max_size=400))
def test_removing_quotes_twice_is_removing_them_once(text: str) -> None:
    assert remove_quoted(remove_quoted(text)) == remove_quoted(text)


@given(_WORDS, _WORDS)
def test_a_quote_below_a_reply_leaves_the_reply(reply: str, quoted: str) -> None:
    mail = f"{reply}\n\nOn Tue, 3 Nov 2026 at 09:12, Sam Lee <s@us.example> wrote:\n> {quoted}\n"
    assert remove_quoted(mail) == reply


@pytest.mark.parametrize(
    "below",
    [
        "On Tuesday, Sam Lee\n<sam@us.example> wrote:\n> hello",
        "Am 03.11.2026 um 09:12 schrieb Sam Lee:\n> hallo",
        "Le mar. 3 nov. 2026 à 09:12, Sam a écrit :\n> bonjour",
        "El mar, 3 nov 2026 a las 9:12, Sam escribió:\n> hola",
        "-----Original Message-----\nFrom: Sam\nhello",
        "From: Sam Lee\nSent: Tuesday\nTo: Ada\nSubject: x\n\nhello",
        "Von: Sam Lee\nGesendet: Dienstag\nAn: Ada\n\nhallo",
        "-- \nAda Okafor\nHead of Support",
        "Sent from my iPhone",
    ],
)
def test_what_stands_below_a_reply_is_removed(below: str) -> None:
    assert remove_quoted(f"Yes, Tuesday works.\n\n{below}") == "Yes, Tuesday works."


def test_answers_between_quoted_lines_are_kept() -> None:
    assert remove_quoted("> Which day?\nTuesday\n> Where?\nHere") == "Tuesday\nHere"


@given(st.text(max_size=200))
def test_a_reply_subject_fits_and_has_one_prefix(subject: str) -> None:
    made = make_reply_subject(subject)
    assert len(made) <= SUBJECT_LIMIT
    assert made.startswith("Re: ")
    assert make_reply_subject(made) == made or len(subject) > SUBJECT_LIMIT - 4


@pytest.mark.parametrize("subject", ["RE: AW: Offer", "re[2]: Offer", "Fwd: Offer", "Offer"])
def test_chains_of_prefixes_become_one(subject: str) -> None:
    assert make_reply_subject(subject) == "Re: Offer"


@given(st.text(max_size=300), st.integers(min_value=10, max_value=90))
def test_shortening_keeps_the_limit(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit


@pytest.mark.parametrize(
    ("name", "given_name"),
    [
        ("Ada Okafor", "Ada"),
        ("Okafor, Ada", "Ada"),
        ("Dr. Ada Okafor", "Ada"),
        ("Sales Team", ""),
        ("ada@acme.example", ""),
        ("", ""),
        ("Zoë O’Neil", "Zoë"),
    ],
)
def test_a_greeting_uses_the_given_name_of_a_person(name: str, given_name: str) -> None:
    assert first_name(name) == given_name


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        ("they use Zendesk", "I saw that you use Zendesk."),
        ("she leads their support team", "I saw that you lead your support team."),
        ("met at SaaStr", "It was good to meet you at SaaStr."),
        ("hiring 5 engineers", "I saw that you are hiring 5 engineers."),
        ("asked about pricing", "You asked about pricing."),
        ("looking for a new CRM", "I understand you are looking for a new CRM."),
    ],
)
def test_a_note_becomes_a_sentence_to_its_subject(note: str, sentence: str) -> None:
    assert address_note(note) == sentence


@pytest.mark.parametrize("text", ["Hi {{ name }}", "Hi [First name]", "Dear None,", "Hi {name}"])
def test_placeholders_are_found(text: str) -> None:
    assert check_resolved(Draft(subject="Hello", body=text), {})


@pytest.mark.parametrize("text", ["We save 40 % of time.", "See https://evil.example", "ask Bob"])
def test_a_claim_that_is_not_in_the_inputs_is_found(text: str) -> None:
    assert check_claims(
        Draft(subject="Hello", body=f"I saw that, {text}"), {"company": "Acme"}
    ) or (check_claims(Draft(subject="Hello", body=f"please ask Bob {text}"), {"company": "Acme"}))


def test_a_claim_from_the_inputs_passes() -> None:
    draft = Draft(subject="Acme", body="I saw that Acme has 40 seats.")
    assert check_claims(draft, {"company": "Acme", "notes": "40 seats"}) == []


@pytest.mark.parametrize("subject", ["", "x" * 71, "two\nlines", "BUY THIS THING NOW"])
def test_a_bad_subject_is_found(subject: str) -> None:
    assert check_subject(Draft(subject=subject, body="Hello"), {})


def test_html_is_escaped_and_links_work() -> None:
    assert to_html("a <b>\n\nhttps://x.example/a.") == (
        '<p>a &lt;b&gt;</p>\n<p><a href="https://x.example/a">https://x.example/a</a>.</p>'
    )
