"""The stages of one company: enrich it, verify its contacts' addresses, score both.

Each runs for many companies at once, asks graphs of other pools, and reports what failed without
failing itself. Asked again after a crash, every graph finds its work done and does it once more to
the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphs.pipeline_graph.reports import Failure, Report, make_failure, make_report
from graphs.pipeline_graph.rows import list_contacts
from graphs.pipeline_graph.selection import TAKES_MAIL, Rank
from graphs.pipeline_graph.state import One, PipelineState
from graphs.sales.data import open_database
from graphs.sales.remote import CallFailed, call_graph
from graphs.sales.settings import clean


@dataclass
class Steps:
    """The calls of one company in one stage, and what became of them."""

    stage: str
    scope: str
    failures: list[Failure] = field(default_factory=list)

    async def ask(self, assistant_id: str, item: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """A graph's answer; empty, and noted, when it gave none."""
        try:
            return await call_graph(assistant_id, given, scope=self.scope)
        except CallFailed as error:
            self.failures.append(make_failure(self.stage, item, error))
            return {}

    def report(self, processed: int, created: int) -> PipelineState:
        """What goes into the state."""
        numbers: Report = make_report(processed, created, len(self.failures))
        return {"reports": {self.stage: numbers}, "failures": self.failures}


async def enrich_company(state: One) -> PipelineState:
    """Facts of the company, its contacts, and facts of each of them."""
    company = {"company_id": state["company_id"]}
    steps = _begin("enrich", state)
    await steps.ask("company_enrichment", state["company_id"], company)
    found = await steps.ask("contact_discovery", state["company_id"], company)
    await steps.ask("company_problems", state["company_id"], company)
    for contact_id in await list_contacts(await open_database(), state["company_id"]):
        contact = {"contact_id": contact_id}
        await steps.ask("contact_enrich", contact_id, contact)
        await steps.ask("contact_enrich_sales", contact_id, contact)
    return steps.report(1, _count(found.get("inserted")))


async def verify_company(state: One) -> PipelineState:
    """Whether the addresses of its contacts take mail; who has none is not asked about."""
    steps = _begin("verify", state)
    database = await open_database()
    contacts = await list_contacts(database, state["company_id"], with_address=True)
    good = 0
    for contact_id in contacts:
        answer = await steps.ask("email_verify", contact_id, {"contact_id": contact_id})
        good += clean(answer.get("status")) in TAKES_MAIL
    return steps.report(len(contacts), good)


async def score_company(state: One) -> PipelineState:
    """Who decides there, how well the company fits the product, and what each contact is worth."""
    steps, company_id = _begin("score", state), state["company_id"]
    product = {"product_id": state["product_id"]} if state["product_id"] else {}
    company = {"company_id": company_id, **product}
    ranked = await steps.ask("find_decision_maker", company_id, company)
    fit = await steps.ask("icp_fit", company_id, company) if product else {}
    tier = clean(fit.get("tier"))
    contacts = await list_contacts(await open_database(), company_id)
    for contact_id in contacts:
        await steps.ask("score_contact", contact_id, {"contact_id": contact_id, **product})
    told: PipelineState = {"fits": {company_id: tier} if tier else {}, "ranks": read_ranks(ranked)}
    return {**steps.report(len(contacts), 0), **told}


def read_ranks(answer: Mapping[str, Any]) -> dict[str, Rank]:
    """What find_decision_maker says of each contact."""
    ranks = {
        each["contact_id"]: Rank(
            decides=bool(each["decides"]), authority=float(each["authority"]), barred=""
        )
        for each in answer.get("ranked") or []
    }
    barred = {
        each["contact_id"]: Rank(decides=False, authority=0.0, barred=clean(each["reason"]))
        for each in answer.get("left_out") or []
    }
    return ranks | barred


def _begin(stage: str, state: One) -> Steps:
    return Steps(stage, f"pipeline-{state['pipeline_id']}")


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
