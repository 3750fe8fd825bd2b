"""One action of a user as one trace: from a program in TypeScript to the mail server.

The whole fleet runs, a process per pool. A traced program asks for a pipeline through the router,
answers its question, and later stops the campaign that came of it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo.stage import ROOT, SITES, running_stage
from demo.story import CAMPAIGN, StoryFailed, seed, wait
from integration.demo.action_tree import (
    ANSWERED,
    LAUNCHED,
    PLACES,
    make_outline,
    name_place,
    read_printed,
)
from mail_server import MailServerMissing
from node_packages import install_packages
from otlp_receiver import Receiver, running_receiver
from trace_trees import Record, find

CLIENT = ROOT / "clients/typescript"
POOLS = {"classification", "discovery", "email", "enrichment", "orchestration"}
GIVEN = {
    "domains": sorted(site.name for site in SITES.iterdir()),
    "campaign_id": CAMPAIGN,
    "limits": {"contacts_per_company": 1},
}
# Five workers start at once, on whatever machine this is.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Actions:
    """What the program came to, what was printed of it, and the spans of all processes."""

    launch: dict[str, Any]
    answer: dict[str, Any]
    printed: list[str]
    pools: dict[str, str]
    spans: list[Record]

    def of(self, action: dict[str, Any]) -> list[Record]:
        return [span for span in self.spans if span["trace_id"] == action["traceId"]]


@pytest.fixture(scope="module")
def actions(tmp_path_factory: pytest.TempPathFactory) -> Actions:
    install_packages(CLIENT, "build")
    try:
        with running_receiver() as receiver:
            return play(tmp_path_factory.mktemp("action"), receiver)
    except MailServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs a mail server: {missing}")
        pytest.skip(str(missing))


def play(folder: Path, receiver: Receiver) -> Actions:
    """Both actions, on a fleet of their own."""
    to_receiver = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    with running_stage(folder, **to_receiver) as stage:
        seed(stage)
        environment = {**to_receiver, "GRAPHWARDEN_URL": stage.url}
        program = ("node", "dist/test/fleet/action.js", json.dumps(GIVEN))
        told = json.loads(run(*program, cwd=CLIENT, **environment))
        trace = told["launch"]["traceId"]
        command = ("-c", "from graphwarden.cli import main; main()", "trace", trace)
        printed = run(sys.executable, *command, "--url", stage.url, cwd=ROOT)
        # Each process sends its own; the tests say what is missing.
        with suppress(StoryFailed):
            wait(lambda: make_outline(receiver.of(trace)) == LAUNCHED, "the spans")
    return Actions(**told, printed=printed.splitlines(), pools=stage.graphs, spans=receiver.spans)


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def get_parents(spans: list[Record]) -> Iterator[tuple[Record, Record | None]]:
    by_id = {span["span_id"]: span for span in spans}
    for span in spans:
        parent = span["parent_span_id"]
        yield span, by_id[parent] if parent else None


def below(spans: list[Record], top: Record) -> list[Record]:
    return [span for span in spans if span["parent_span_id"] == top["span_id"]]


def test_the_pipeline_asked_and_sent_and_the_campaign_stopped(actions: Actions) -> None:
    assert (actions.launch["questions"], actions.launch["status"]) == (1, "done")
    assert actions.answer["status"] == "stopped"


def test_every_span_is_in_the_trace_of_its_action_and_has_its_parent(actions: Actions) -> None:
    for action in (actions.launch, actions.answer):
        spans = actions.of(action)
        known = {span["span_id"] for span in spans}
        roots = [span for span in spans if span["parent_span_id"] is None]
        orphans = [s["name"] for s in spans if s["parent_span_id"] not in known | {None}]
        assert orphans == []
        assert [root["service"] for root in roots] == ["sales-client"]
    traces = {action["traceId"] for action in (actions.launch, actions.answer)}
    assert {span["trace_id"] for span in actions.spans} == traces


def test_the_launch_is_one_tree_from_the_caller_over_five_pools_to_the_mail(
    actions: Actions,
) -> None:
    assert make_outline(actions.of(actions.launch)) == LAUNCHED


def test_every_run_is_of_a_worker_of_its_pool(actions: Actions) -> None:
    runs = [span for span in actions.spans if name_place(span) == "run"]
    pools = {span["name"].split()[1]: span["capability"] for span in runs}
    assert pools == {name: actions.pools[name] for name in pools}
    assert set(pools.values()) == POOLS


def test_the_answer_is_a_tree_of_its_own(actions: Actions) -> None:
    assert make_outline(actions.of(actions.answer)) == ANSWERED


def test_every_span_stands_below_one_that_can_have_made_it(actions: Actions) -> None:
    wrong = [
        f"{span['name']} below {parent['name'] if parent else 'nothing'}"
        for span, parent in get_parents(actions.spans)
        if (name_place(parent) if parent else None) not in PLACES[name_place(span)]
    ]
    assert wrong == []


def test_a_call_of_another_graph_goes_by_the_router_to_a_worker_of_its_pool(
    actions: Actions,
) -> None:
    calls = [span for span in actions.spans if span["name"].startswith("call ")]
    for call in calls:
        (sent,) = below(actions.spans, call)
        (routed,) = below(actions.spans, sent)
        (passed,) = below(actions.spans, routed)
        (taken,) = below(actions.spans, passed)
        where = [name_place(span) for span in (sent, routed, passed, taken)]
        assert where == ["worker client", "router server", "router client", "worker server"]
        assert taken["capability"] == routed["attributes"].get("graphspec.capability")
        assert call["capability"] == "orchestration"
        runs = [span["name"].split()[-1] for span in below(actions.spans, taken)]
        assert runs in ([call["name"].split()[-1]], [])
    assert len(calls) == 21


def test_branches_are_brothers_below_the_run_each_with_its_own_number(actions: Actions) -> None:
    (first, _) = find(actions.of(actions.launch), "invoke_workflow pipeline")
    for node in ("enrich_company", "verify_company", "score_company"):
        branches = find(below(actions.spans, first), f"invoke_node {node}")
        numbers = [span["attributes"]["langgraph.task.index"] for span in branches]
        assert sorted(numbers) == [0, 1]


def test_a_question_is_an_event_and_no_error_and_its_answer_has_a_link(actions: Actions) -> None:
    spans = actions.of(actions.launch)
    asked, answered = find(spans, "invoke_node approval")
    first, second = find(spans, "invoke_workflow pipeline")
    assert [event["name"] for event in asked["events"]] == ["langgraph.interrupt"]
    assert (asked["status"], first["status"]) == ("unset", "unset")
    assert answered["events"] == []
    assert first["links"] == []
    assert second["links"] == [{"trace_id": asked["trace_id"], "span_id": asked["span_id"]}]


def test_an_answer_of_a_later_action_links_to_the_node_that_waited(actions: Actions) -> None:
    (slept,) = find(actions.of(actions.launch), "invoke_node wait")
    (parked,) = find(actions.of(actions.launch), "invoke_workflow campaign")
    (woken,) = find(actions.of(actions.answer), "invoke_workflow campaign")
    (event,) = slept["events"]
    assert event["name"] == "langgraph.interrupt"
    assert "wake_at" in event["attributes"]
    assert woken["links"] == [{"trace_id": slept["trace_id"], "span_id": slept["span_id"]}]
    thread = {run["attributes"]["gen_ai.conversation.id"] for run in (parked, woken)}
    assert thread == set(actions.launch["threads"])


def test_the_mail_is_sent_inside_its_node_in_the_email_pool(actions: Actions) -> None:
    (sent,) = find(actions.spans, "smtp send")
    (node,) = find(actions.of(actions.launch), "invoke_node send_touch")
    assert sent["parent_span_id"] == node["span_id"]
    assert (sent["capability"], sent["kind"]) == ("email", "client")
    assert sent["attributes"]["smtp.response.code"] == 250


def test_nothing_of_the_launch_is_an_error_but_pages_that_are_not_there(actions: Actions) -> None:
    failed = {span["name"] for span in actions.spans if span["status"] == "error"}
    assert failed <= {"web get"}


def test_a_call_ends_after_the_run_that_it_asked_for(actions: Actions) -> None:
    by_id = {span["span_id"]: span for span in actions.spans}
    for run in (s for s in actions.spans if name_place(s) == "run"):
        above = run
        while above["parent_span_id"]:
            above = by_id[above["parent_span_id"]]
            if above["kind"] == "client":
                assert above["ended_at"] >= run["ended_at"], (above["name"], run["name"])


def test_a_terminal_shows_the_same_tree(actions: Actions) -> None:
    title, *lines = actions.printed
    assert title == f"trace {actions.launch['traceId']}"
    # The fleet keeps what it made itself: not the caller's own spans, nor calls that run nothing.
    kept = [line.removeprefix("  ") for line in LAUNCHED[1:]]
    assert make_outline(read_printed(lines)) == kept


def test_a_terminal_tells_branches_questions_sleep_and_mail(actions: Actions) -> None:
    def line_of(label: str) -> str:
        return next(line for line in actions.printed if label in line)

    launch = actions.launch["traceId"]
    pipelines = [line for line in actions.printed if "invoke_workflow pipeline" in line]
    assert "interrupted" in pipelines[0]
    assert pipelines[1].endswith(f"goes on from trace {launch}")
    assert line_of("invoke_node approval").endswith("waits for an answer")
    assert "waits until 20" in line_of("invoke_node wait")
    for label in ("smtp send 127.0.0.1:", "enrich_company #0", "enrich_company #1"):
        assert re.search(r"  [\d.]+ (ms|s)$", line_of(label))
