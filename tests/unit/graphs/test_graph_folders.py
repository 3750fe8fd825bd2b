"""Every graph folder: its manifest, prompt, schemas, and what importing it costs."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from graphwarden.api.graphspec import GraphSpec

_ROOT = Path(__file__).parents[3]
_FOLDERS = sorted(path.parent for path in _ROOT.glob("graphs/*/graphspec.yaml"))
_CONTACT = {"name": "Ada Okafor", "email": "ada@acme.example", "title": "Head of Support"}
_CONTEXT = {
    "sender_name": "Sam Lee",
    "sender_company": "Northwind",
    "product": "Northwind Desk",
    "value_proposition": "it halves the time to answer a ticket",
    "calendar_url": "https://cal.us.example/sam",
    "facts": {"references": "Contoso cut its backlog in a month"},
}


def load(name: str) -> Any:
    return importlib.import_module(f"graphs.{name}").graph


@pytest.mark.parametrize("folder", _FOLDERS, ids=lambda f: f.name)
def test_a_folder_holds_what_its_graphspec_says(folder: Path) -> None:
    spec = GraphSpec.model_validate(yaml.safe_load((folder / "graphspec.yaml").read_text())).spec
    module = importlib.import_module(spec.module)
    assert spec.module == f"graphs.{folder.name}"
    assert getattr(module, spec.builder_attr)(checkpointer=None).name == spec.assistant_id
    assert getattr(module, spec.compiled_attr).name == spec.assistant_id
    assert module.build_graph(checkpointer=None).name == spec.assistant_id
    assert (folder / "prompt.md").read_text().strip()


@pytest.mark.parametrize("folder", _FOLDERS, ids=lambda f: f.name)
def test_every_schema_is_json(folder: Path) -> None:
    graph = load(folder.name)
    assert graph.get_input_jsonschema()["properties"]
    assert graph.get_output_jsonschema()["properties"]
    assert "tone" in graph.get_context_jsonschema()["properties"]


def test_importing_every_graph_loads_no_model_package() -> None:
    names = ", ".join(f"graphs.{folder.name}" for folder in _FOLDERS)
    code = f"import sys, {names}; print([m for m in ('langchain', 'openai') if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("touch_no", range(1, 8))
@pytest.mark.parametrize("company", ["Acme", {"name": "Acme", "signals": ["hiring 5 agents"]}])
async def test_every_touch_passes_every_check(touch_no: int, company: Any) -> None:
    answer = await load("email_outreach_graph").ainvoke(
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
    answer = await load("email_outreach_graph").ainvoke(
        {"contact": {**_CONTACT, **contact}}, context={**_CONTEXT, "consent_countries": ["DE"]}
    )
    assert (answer["skip_reason"], answer["text"]) == (reason, "")


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
    answer = await load("email_opportunity_graph").ainvoke(
        {"opportunity_id": "o1", "opportunity": opportunity}, context=_CONTEXT
    )
    assert answer["provenance"]["problems"] == []
    assert answer["subject"] == "Re: Offer"
    assert (answer["contact_id"], answer["in_reply_to"]) == ("42", "<a@acme.example>")
    assert "You asked about data residency." in answer["body"]


async def test_compose_follows_its_instructions() -> None:
    answer = await load("email_compose_graph").ainvoke(
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


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("email_compose_graph", {"company": "Acme"}, "Send recipient"),
        ("email_outreach_graph", {"contact_id": "42"}, "Send contact inline"),
        ("email_outreach_graph", {"contact": _CONTACT, "touch_no": 0}, "counts from 1"),
        ("email_opportunity_graph", {"opportunity_id": "o1"}, "Send opportunity inline"),
        ("email_opportunity_graph", {"opportunity": {"stage": "x"}}, "stage is 'x'"),
    ],
)
async def test_invalid_input_says_what_to_send(
    name: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        await load(name).ainvoke(given)
