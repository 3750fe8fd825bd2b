"""email_opportunity: the mail of each stage."""

from typing import Any

import pytest

from graphs.email_opportunity_graph import graph
from graphs.sales.data import Database

_CONTACT = {"name": "Ada Okafor", "email": "ada@acme.example", "title": "Head of Support"}
_CONTEXT = {
    "sender_name": "Sam Lee",
    "sender_company": "Northwind",
    "product": "Northwind Desk",
    "value_proposition": "it halves the time to answer a ticket",
    "calendar_url": "https://cal.us.example/sam",
    "facts": {"references": "Contoso cut its backlog in a month"},
}


@pytest.mark.parametrize("stage", ["discovery", "demo", "proposal", "negotiation", "stalled"])
async def test_an_opportunity_gets_the_mail_of_its_stage(stage: str) -> None:
    opportunity = {
        "stage": stage,
        "contact": {**_CONTACT, "id": "42"},
        "company": "Acme",
        "blockers": ["they asked about data residency"],
        "last_message_id": "<a@acme.example>",
        "last_subject": "Re: Offer",
    }
    answer = await graph.ainvoke(
        {"opportunity_id": "o1", "opportunity": opportunity}, context=_CONTEXT
    )
    assert answer["provenance"]["problems"] == []
    assert answer["subject"] == "Re: Offer"
    assert (answer["contact_id"], answer["in_reply_to"]) == ("42", "<a@acme.example>")
    assert "You asked about data residency." in answer["body"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send opportunity_id, or opportunity inline"),
        ({"opportunity_id": "o1"}, "No opportunity o1"),
        ({"opportunity": {"stage": "x"}}, "stage is 'x'"),
    ],
)
async def test_invalid_input_says_what_to_send(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
