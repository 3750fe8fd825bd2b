"""The command line on a running fleet."""

from __future__ import annotations

import json
import shutil
import signal

import pytest

from integration.local.conftest import Fleet, is_gone, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

ASKING = """
from langgraph.types import interrupt

def first(state: State) -> State:
    return {"text": interrupt("which?") + "!"}
"""


def test_graphs_are_run_streamed_and_listed(fleet: Fleet) -> None:
    fleet.add("a")
    fleet.add("failing")
    code = fleet.flows / "failing_graph" / "__init__.py"
    code.write_text(code.read_text().replace("def first", "def first(_):\n    1 / 0\n\ndef other"))
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        done = fleet.use("run", "a", "--input", '{"text": "x"}')
        assert (done.returncode, json.loads(done.stdout)) == (0, {"text": "x!"})

        done = fleet.use("run", "a", "--stream", "--input", "-", stdin='{"text": "x"}')
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert {"event": "updates", "data": {"first": {"text": "x!"}}} in events

        done = fleet.use("run", "failing", "--input", "{}")
        assert done.returncode == 1
        assert "the run failed: ZeroDivisionError: division by zero\ntrace " in done.stderr

        done = fleet.use("graphs")
        assert [line.split()[0] for line in done.stdout.splitlines()] == [
            "ASSISTANT",
            "a",
            "failing",
        ]

        done = fleet.use("run", "nobody")
        assert done.returncode == 4
        assert "One of the registered graphs: a" in done.stderr


def test_a_run_that_waits_is_answered_from_the_command_line(fleet: Fleet) -> None:
    fleet.add("a", resumable="true")
    code = fleet.flows / "a_graph" / "__init__.py"
    before, after = code.read_text().split("def build_graph")
    code.write_text(before + ASKING + "\ndef build_graph" + after)
    with fleet.running():
        until(lambda: "a (one): ready" in fleet.output(), "a")
        waiting = fleet.use("run", "a", "--thread", "order-1", "--input", "{}")
        assert json.loads(waiting.stdout)["__interrupt__"][0]["value"] == "which?"
        done = fleet.use("run", "a", "--thread", "order-1", "--resume", '"this"')
        assert json.loads(done.stdout) == {"text": "this!"}


def test_a_run_in_flight_is_answered_before_the_fleet_stops(fleet: Fleet) -> None:
    fleet.add_slow("slow", capability="one")
    with fleet.running():
        until(lambda: "slow (one): ready" in fleet.output(), "slow")
        with fleet.calling("slow", seconds=2) as answer:
            assert fleet.process is not None
            fleet.process.send_signal(signal.SIGINT)
            assert answer.result().json()["text"] == "waited"
        assert fleet.process.wait(20) == 0


def test_a_run_longer_than_the_drain_does_not_keep_the_fleet(fleet: Fleet) -> None:
    fleet.add_slow("slow", capability="one")
    with fleet.running("--drain-seconds=1"):
        until(lambda: "slow (one): ready" in fleet.output(), "slow")
        with fleet.calling("slow", seconds=50) as answer:
            children = fleet.children()
            assert fleet.process is not None
            fleet.process.send_signal(signal.SIGINT)
            assert fleet.process.wait(30) == 0
            assert answer.exception() is not None
        assert all(is_gone(pid) for pid in children)
        assert "stopped" in (fleet.root / ".graphwarden/logs/router.log").read_text()


def test_a_second_ctrl_c_ends_runs_and_every_process(fleet: Fleet) -> None:
    fleet.add_slow("slow", capability="one")
    with fleet.running("--drain-seconds=60"):
        until(lambda: "slow (one): ready" in fleet.output(), "slow")
        with fleet.calling("slow", seconds=50) as answer:
            children = fleet.children()
            assert fleet.process is not None
            fleet.process.send_signal(signal.SIGINT)
            until(lambda: "press Ctrl-C again" in fleet.output(), "the message")
            fleet.process.send_signal(signal.SIGINT)
            assert fleet.process.wait(20) == 130
            assert answer.exception() is not None
        assert all(is_gone(pid) for pid in children)
        assert "Traceback" not in fleet.output()


def test_verbose_shows_the_logs_and_no_proxy_stands_before_the_workers(fleet: Fleet) -> None:
    fleet.add("a")
    code = fleet.flows / "a_graph" / "__init__.py"
    code.write_text("print('hello from a')\n" + code.read_text())
    with fleet.running("--verbose", HTTP_PROXY="http://127.0.0.1:9"):
        until(lambda: "a (one): ready" in fleet.output(), "a")
        until(lambda: "worker-one | hello from a" in fleet.output(), "the log")


def test_a_state_directory_that_is_removed_ends_the_fleet_in_words(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        children = fleet.children()
        shutil.rmtree(fleet.root / ".graphwarden")
        fleet.add("b")
        assert fleet.process is not None
        assert fleet.process.wait(30) == 1
    assert "stopped, as the machine refused" in fleet.output()
    assert "Traceback" not in fleet.output()
    assert all(is_gone(pid) for pid in children)
