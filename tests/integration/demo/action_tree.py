"""What a trace of the sales pipeline has to look like, and where its spans may stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from trace_trees import Record, make_tree

_STATEMENTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_OUTLINED = ("campaign.", "invoke_", "call ", "run_task ", "smtp ")
# By what a span is: what it may stand below.
PLACES: dict[str, set[str | None]] = {
    "action": {None},
    "caller client": {"action"},
    "router server": {"caller client", "worker client"},
    "router client": {"router server"},
    "worker server": {"router client"},
    "run": {"worker server"},
    "node": {"run", "node"},
    "call": {"node"},
    "worker client": {"call"},
    "statement": {"node", "mail"},
    "site": {"node"},
    "task": {"node"},
    "mail": {"node"},
}
_BY_FIRST_WORD = {
    "invoke_workflow": "run",
    "invoke_node": "node",
    "call": "call",
    "run_task": "task",
    "smtp": "mail",
    "web": "site",
    "dns": "site",
    **dict.fromkeys(_STATEMENTS, "statement"),
}


def name_place(span: Record) -> str:
    """What a span is, in a word or two."""
    program = {"sales-client": "caller"}.get(span["service"], span["service"].split("-")[-1])
    if program == "caller" and span["kind"] == "internal":
        return "action"
    return _BY_FIRST_WORD.get(span["name"].split()[0], f"{program} {span['kind']}")


def make_outline(records: Iterable[Record]) -> list[str]:
    """The tree without the hops between a call and its run, statements and pages."""
    return make_tree(records, lambda span: span["name"].startswith(_OUTLINED))


def read_printed(lines: Sequence[str]) -> list[Record]:
    """The tree that `graphwarden trace` prints, as spans with a name and a parent."""
    records: list[Record] = []
    above: list[int] = []
    for number, line in enumerate(lines):
        text = line.lstrip("│├└─ ")
        depth = (len(line) - len(text)) // len("├─ ")
        above = [*above[:depth], number]
        name = re.sub(r" (127\.0\.0\.1\S*|#\d+)?  .*", "", text)
        parent = above[-2] if depth else None
        records.append({"span_id": number, "parent_span_id": parent, "name": name.strip()})
    return records


LAUNCHED = """\
campaign.launch
  invoke_workflow pipeline
    invoke_node approval
    invoke_node choose
    invoke_node discover
      call company_discovery
        invoke_workflow company_discovery
          invoke_node find
          invoke_node visit
    invoke_node enrich_company
      call company_enrichment
        invoke_workflow company_enrichment
          invoke_node enrich
      call company_problems
        invoke_workflow company_problems
          invoke_node find
            run_task rules
      call contact_discovery
        invoke_workflow contact_discovery
          invoke_node discover
    invoke_node enrich_company
      call company_enrichment
        invoke_workflow company_enrichment
          invoke_node enrich
      call company_problems
        invoke_workflow company_problems
          invoke_node find
            run_task rules
      call contact_discovery
        invoke_workflow contact_discovery
          invoke_node discover
      call contact_enrich
        invoke_workflow contact_enrich
          invoke_node enrich
      call contact_enrich
        invoke_workflow contact_enrich
          invoke_node enrich
      call contact_enrich_sales
        invoke_workflow contact_enrich_sales
          invoke_node rank
      call contact_enrich_sales
        invoke_workflow contact_enrich_sales
          invoke_node rank
    invoke_node enriched
    invoke_node prepare
    invoke_node score_company
      call find_decision_maker
        invoke_workflow find_decision_maker
          invoke_node find
      call icp_fit
        invoke_workflow icp_fit
          invoke_node judge
            run_task rules
    invoke_node score_company
      call find_decision_maker
        invoke_workflow find_decision_maker
          invoke_node find
      call icp_fit
        invoke_workflow icp_fit
          invoke_node judge
            run_task rules
      call score_contact
        invoke_workflow score_contact
          invoke_node score
      call score_contact
        invoke_workflow score_contact
          invoke_node score
    invoke_node verified
    invoke_node verify_company
    invoke_node verify_company
      call email_verify
        invoke_workflow email_verify
          invoke_node verify
      call email_verify
        invoke_workflow email_verify
          invoke_node verify
  invoke_workflow pipeline
    invoke_node approval
    invoke_node finish
    invoke_node settle
    invoke_node start_campaign
      call campaign
      call campaign
        invoke_workflow campaign
          invoke_node check_reply
          invoke_node generate_touch
            invoke_node write_outreach
              run_task rules
          invoke_node guard
          invoke_node record
          invoke_node schedule_next
          invoke_node send_touch
            smtp send
          invoke_node wait
""".splitlines()
ANSWERED = """\
campaign.answer
  invoke_workflow campaign
    invoke_node check_reply
    invoke_node wait
""".splitlines()
