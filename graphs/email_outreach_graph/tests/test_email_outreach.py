"""email_outreach: every touch by its rules, and what keeps from writing."""

from typing import Any

import pytest

from graphs.email_outreach_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows
from graphs.sales.mailing.tokens import Unsubscription, read_link_token

_CONTACT = {"name": "Ada Okafor", "email": "ada@acme.example", "title": "Head of Support"}
_CONTEXT = {
    "sender_name": "Sam Lee",
    "sender_company": "Northwind",
    "product": "Northwind Desk",
    "value_proposition": "it halves the time to answer a ticket",
    "calendar_url": "https://cal.us.example/sam",
    "facts": {"references": "Contoso cut its backlog in a month"},
}


@pytest.mark.parametrize("touch_no", range(1, 8))
@pytest.mark.parametrize("company", ["Acme", {"name": "Acme", "signals": ["hiring 5 agents"]}])
async def test_every_touch_passes_every_check(touch_no: int, company: Any) -> None:
    answer = await graph.ainvoke(
        {"contact": _CONTACT, "company": company, "touch_no": touch_no}, context=_CONTEXT
    )
    assert answer["skip_reason"] is None
    assert answer["provenance"]["problems"] == []
    assert "unsubscribe" in answer["text"]


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        ({"email": "no-reply@acme.example"}, "MachineAddress"),
        ({"email": "nonsense"}, "InvalidAddress"),
        ({"unsubscribed": True}, "Unsubscribed"),
        ({"country": "de"}, "ConsentMissing"),
    ],
)
async def test_outreach_says_why_it_writes_nothing(contact: dict[str, Any], reason: str) -> None:
    answer = await graph.ainvoke(
        {"contact": {**_CONTACT, **contact}}, context={**_CONTEXT, "consent_countries": ["DE"]}
    )
    assert (answer["skip_reason"], answer["text"]) == (reason, "")


async def test_a_contact_of_the_database_is_written_to_about_its_company(
    database: Database, now: Any
) -> None:
    text = """
    products: [{id: desk, name: Northwind Desk, value_proposition: it halves the time to answer}]
    companies: [{id: acme, name: Acme}]
    contacts: [{id: ada, company_id: acme, name: Ada Okafor, email: ada@acme.example}]
    """
    await load_rows(database, text, now)
    answer = await graph.ainvoke({"contact_id": "ada", "product_id": "desk"}, context={})
    assert answer["subject"] == "Acme and Northwind Desk"
    assert answer["text"].startswith("Hi Ada,")


async def test_each_contact_has_a_link_of_its_own(database: Database, now: Any) -> None:
    await load_rows(database, "contacts: [{id: ada, name: Ada, email: ada@acme.example}]", now)
    context = {"unsubscribe_url": "https://go.example/pages/unsubscribe_apply?token={token}"}
    answer = await graph.ainvoke({"contact_id": "ada"}, context=context)
    link = next(word for word in answer["text"].split() if word.startswith("https://"))
    token = link.partition("token=")[2]
    target = read_link_token(token, await database.read_salt())
    assert target == Unsubscription("ada")
    assert answer["provenance"]["problems"] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Send contact_id, or contact inline"),
        ({"contact_id": "42"}, "No contact 42"),
        ({"contact": _CONTACT, "touch_no": 0}, "counts from 1"),
    ],
)
async def test_invalid_input_says_what_to_send(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
