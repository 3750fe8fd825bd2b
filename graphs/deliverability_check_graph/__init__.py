"""deliverability_check: whether mail of a domain arrives, by what its DNS records say."""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.deliverability_check_graph.findings import (
    Finding,
    decide,
    judge_dkim,
    judge_dmarc,
    judge_mx,
    judge_spf,
)
from graphs.sales.data import open_database
from graphs.sales.data.ids import normalise_domain
from graphs.sales.data.outreach import Mailbox
from graphs.sales.dns import LookupFailed, list_addresses, list_mail_exchanges, list_texts
from graphs.sales.settings import SalesContext, clean, read_context


class DeliverabilityInput(TypedDict, total=False):
    """`domain`, or `mailbox_id` of the database; `selector` is that of the DKIM key."""

    domain: str
    mailbox_id: str
    selector: str


class Record(TypedDict):
    """What one kind of record says."""

    mark: Literal["pass", "warn", "fail"]
    record: str | None
    detail: str


class DeliverabilityOutput(TypedDict, total=False):
    """`fixes` says what to do, the worst first. `unknown`: the DNS did not answer."""

    domain: str
    mx: Record
    spf: Record
    dkim: Record
    dmarc: Record
    verdict: Literal["good", "risky", "bad", "unknown"]
    fixes: list[str]


class DeliverabilityState(DeliverabilityInput, DeliverabilityOutput, total=False):
    """Input and output together."""


async def look(state: DeliverabilityState, runtime: Runtime[SalesContext]) -> DeliverabilityState:
    """Ask the DNS, and judge."""
    domain = await _find_domain(state)
    context = read_context(runtime.context)
    selector = clean(state.get("selector")) or clean(context.get("dkim_selector")) or None
    try:
        exchanges = await list_mail_exchanges(domain)
        has_address = not exchanges and bool(await list_addresses(domain))
        texts = await list_texts(domain)
        key = await list_texts(f"{selector}._domainkey.{domain}") if selector else []
        policy = await list_texts(f"_dmarc.{domain}")
    except LookupFailed as error:
        return {"domain": domain, "verdict": "unknown", "fixes": [f"{error}. Try again later."]}
    found = {
        "mx": judge_mx([each.host for each in exchanges], has_address),
        "spf": judge_spf(texts),
        "dkim": judge_dkim(selector, key),
        "dmarc": judge_dmarc(policy),
    }
    worst_first = sorted(found.values(), key=lambda each: each.mark != "fail")
    return {
        "domain": domain,
        "mx": _show(found["mx"]),
        "spf": _show(found["spf"]),
        "dkim": _show(found["dkim"]),
        "dmarc": _show(found["dmarc"]),
        "verdict": decide(list(found.values())),
        "fixes": [each.fix for each in worst_first if each.fix],
    }


async def _find_domain(state: DeliverabilityState) -> str:
    domain, mailbox_id = clean(state.get("domain")), clean(state.get("mailbox_id"))
    if bool(domain) == bool(mailbox_id):
        raise ValueError("Send domain, or mailbox_id.")
    if mailbox_id:
        async with (await open_database()).read() as session:
            mailbox = await session.get(Mailbox, mailbox_id)
        if mailbox is None:
            raise ValueError(f"no mailbox {mailbox_id}")
        domain = mailbox.address
    found = normalise_domain(domain)
    if "." not in found:
        raise ValueError(f"domain is {domain!r}; send one such as acme.example.")
    return found


def _show(finding: Finding) -> Record:
    return {"mark": finding.mark, "record": finding.record, "detail": finding.detail}


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; it is one-shot and needs no checkpointer."""
    builder = StateGraph(
        DeliverabilityState,
        context_schema=SalesContext,
        input_schema=DeliverabilityInput,
        output_schema=DeliverabilityOutput,
    )
    builder.add_node("look", look)
    builder.add_edge(START, "look")
    builder.add_edge("look", END)
    return builder.compile(checkpointer=checkpointer, name="deliverability_check")


graph = build_graph()
