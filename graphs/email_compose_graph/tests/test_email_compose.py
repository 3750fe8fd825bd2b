"""email_compose: a mail from notes and instructions."""

from typing import Any

import pytest

from graphs.email_compose_graph import graph
from graphs.sales.data import Database
from graphs.sales.data.load import load_rows

_CONTEXT = {
    "sender_name": "Sam Lee",
    "sender_company": "Northwind",
    "product": "Northwind Desk",
    "value_proposition": "it halves the time to answer a ticket",
    "calendar_url": "https://cal.us.example/sam",
    "facts": {"references": "Contoso cut its backlog in a month"},
}


async def test_compose_follows_its_instructions() -> None:
    answer = await graph.ainvoke(
        {
            "recipient": "Ada Okafor <ada@acme.example>",
            "company": "Acme",
            "context": "met at SaaStr; they use Zendesk",
            "instructions": "Ask for a call. Ask whether they are happy with their reporting",
        },
        context=_CONTEXT,
    )
    assert "It was good to meet you at SaaStr." in answer["body"]
    assert "Could you tell me whether you are happy with your reporting?" in answer["body"]
    assert answer["provenance"]["problems"] == []
    assert answer["draft"] == f"Subject: {answer['subject']}\n\n{answer['body']}"


async def test_a_contact_of_the_database_needs_no_words(database: Database, now: Any) -> None:
    text = """
    companies: [{id: acme, name: Acme}]
    contacts: [{id: ada, company_id: acme, name: Ada Okafor, email: ada@acme.example}]
    """
    await load_rows(database, text, now)
    answer = await graph.ainvoke({"contact_id": "ada"}, context=_CONTEXT)
    assert answer["body"].startswith("Hi Ada,")


@pytest.mark.parametrize(
    ("given", "words"),
    [({"company": "Acme"}, "Send recipient"), ({"contact_id": "nobody"}, "No contact nobody")],
)
async def test_invalid_input_says_what_to_send(
    database: Database, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await graph.ainvoke(given)
