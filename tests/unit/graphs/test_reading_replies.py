"""Replies as people and machines write them, and what the rules make of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from graphs.email_reply_graph import graph
from graphs.sales.mail import parse_mail
from graphs.sales.reply_rules import analyse, find_key_ask

_SEEN = Path(__file__).parents[3] / "graphs/classify_reply_graph/seen.jsonl"
_CASES = [
    (row["label"], row["input"]["text"]) for row in map(json.loads, _SEEN.read_text().splitlines())
] + [("unclear", text) for text in ("ok", "Who is this?", "Thanks!")]

_CONTEXT: dict[str, Any] = {
    "sender_name": "Sam Lee",
    "sender_company": "Northwind",
    "facts": {"pricing": "A seat is 30 EUR a month"},
}


def raw(body: str, **headers: str) -> str:
    lines = {"From": "Ada Okafor <ada@acme.example>", "Subject": "Re: Support", **headers}
    return "".join(f"{k.replace('_', '-')}: {v}\n" for k, v in lines.items()) + f"\n{body}\n"


@pytest.mark.parametrize(("label", "text"), _CASES)
def test_a_reply_gets_the_label_a_salesperson_would_give(label: str, text: str) -> None:
    assert analyse(parse_mail(text)).intent == label


@pytest.mark.parametrize("tone", ["friendly", "formal", "concise"])
@pytest.mark.parametrize(("label", "text"), _CASES)
async def test_a_draft_passes_every_check(label: str, text: str, tone: str) -> None:
    answer = await graph.ainvoke({"original_email": raw(text), "tone": tone}, context=_CONTEXT)
    assert answer["provenance"]["problems"] == []
    assert bool(answer["body"]) == (label not in ("auto_reply", "bounce"))


@pytest.mark.parametrize(
    ("headers", "intent"),
    [
        ({"Auto_Submitted": "auto-replied"}, "auto_reply"),
        ({"Auto_Submitted": "no"}, "interested"),
        ({"X_Autoreply": "yes"}, "auto_reply"),
        ({"Precedence": "auto_reply"}, "auto_reply"),
        ({"Subject": "Automatic reply: Support"}, "auto_reply"),
        ({"From": "Mail Delivery <MAILER-DAEMON@mx.example>"}, "bounce"),
        ({"X_Failed_Recipients": "ada@acme.example"}, "bounce"),
    ],
)
def test_headers_of_machines_outweigh_words(headers: dict[str, str], intent: str) -> None:
    assert analyse(parse_mail(raw("Sure, happy to chat.", **headers))).intent == intent


def test_a_delivery_report_is_a_bounce() -> None:
    report = (
        "From: postmaster@mx.example\nSubject: Delivery report\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nSorry.\n\n--b\nContent-Type: message/delivery-status\n\n"
        "Final-Recipient: rfc822; ada@acme.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
    )
    assert analyse(parse_mail(report)).intent == "bounce"


def test_quoted_text_does_not_decide() -> None:
    mail = raw('Sure, happy to chat.\n\nOn Tue, Sam wrote:\n> reply "unsubscribe" to stop')
    assert analyse(parse_mail(mail)).intent == "interested"


def test_an_html_mail_is_read_without_its_quote() -> None:
    source = raw(
        "<p>No thanks.</p><blockquote>Sounds great?</blockquote>", Content_Type="text/html"
    )
    assert analyse(parse_mail(source)).intent == "not_interested"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("8bit", "Nein, wir haben dafür kein Interesse."),
        ("quoted-printable", "Nein, wir haben daf=FCr kein Interesse."),
        ("base64", "TmVpbiwgd2lyIGhhYmVuIGRhZvxyIGtlaW4gSW50ZXJlc3NlLg=="),
    ],
)
def test_every_transfer_encoding_is_read(encoding: str, body: str) -> None:
    source = raw(
        body, Content_Type="text/plain; charset=iso-8859-1", Content_Transfer_Encoding=encoding
    )
    assert parse_mail(source).text == "Nein, wir haben dafür kein Interesse."


def test_the_key_ask_is_quoted_from_the_mail() -> None:
    assert find_key_ask("Hi. Nice. What does it cost for 25 people? Thanks") == (
        "What does it cost for 25 people?"
    )


def test_a_referral_names_the_colleague() -> None:
    text = "You should talk to Ben (ben@acme.example), he runs this."
    assert analyse(parse_mail(text)).referred_to == "ben@acme.example"


def test_a_vacation_reply_names_the_day_of_return() -> None:
    text = "I am out of the office until Monday, November 30 with limited access to email."
    assert analyse(parse_mail(text)).returns_on == "November 30"


def test_sarcasm_is_negative() -> None:
    text = "Oh great, another sales email. Just what I needed."
    assert analyse(parse_mail(text)).sentiment == "negative"


async def test_a_question_no_phrase_knows_waits_for_a_person() -> None:
    answer = await graph.ainvoke({"original_email": "Would a zebra like it?"})
    assert answer["analysis"]["intent"] == "info_request"
    assert "The reading of the reply is not certain." in answer["approval_reasons"]


async def test_a_price_without_a_fact_needs_approval() -> None:
    answer = await graph.ainvoke({"original_email": "How much is it per seat?"})
    assert answer["needs_approval"]
    assert answer["approval_reasons"] == ["No approved fact covers: pricing."]


async def test_a_price_with_a_fact_is_answered() -> None:
    answer = await graph.ainvoke({"original_email": "How much is a seat?"}, context=_CONTEXT)
    assert "A seat is 30 EUR a month." in answer["body"]
    assert not answer["needs_approval"]


async def test_a_reply_type_overrides_the_plan_of_the_intent() -> None:
    answer = await graph.ainvoke({"original_email": "Sounds great!", "reply_type": "decline"})
    assert answer["analysis"]["intent"] == "interested"
    assert "won't follow up" in answer["body"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send original_email"),
        ({"original_email": "  "}, "Send original_email"),
        ({"original_email": "hi", "reply_type": "shout"}, "reply_type is 'shout'"),
    ],
)
async def test_invalid_input_says_what_to_send(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)


async def test_a_message_is_found_in_the_inbox_folder(tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_text(raw("No thanks.", Message_ID="<m1@acme.example>"))
    answer = await graph.ainvoke(
        {"message_id": "<m1@acme.example>"}, context={"inbox": str(tmp_path)}
    )
    assert answer["analysis"]["intent"] == "not_interested"
