"""`graphwarden up` on real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from integration.local.conftest import GRAPH, Fleet, is_gone, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def test_each_capability_has_one_worker_and_all_answer_through_the_router(fleet: Fleet) -> None:
    fleet.add("a")
    fleet.add("b", capability="two", answer="?")
    with fleet.running():
        assert until(lambda: fleet.says("a"), "a") == "hi!"
        assert until(lambda: fleet.says("b"), "b") == "hi?"
        assert sorted(fleet.children().values()) == [
            "graphwarden.router",
            "graphwarden.worker",
            "graphwarden.worker",
        ]


def test_a_graph_that_does_not_import_leaves_the_others_serving(fleet: Fleet) -> None:
    fleet.add("a")
    fleet.add("broken")
    (fleet.flows / "broken_graph" / "__init__.py").write_text("import no_such_package\n")
    with fleet.running():
        assert until(lambda: fleet.says("a"), "a") == "hi!"
        until(lambda: fleet.says_why("broken") == "GraphNotReady", "the reason")
        assert "no_such_package" in fleet.run("broken").json()["detail"]
        assert "broken (one): failed, ImportError" in fleet.output()


def test_a_new_manifest_is_served_without_a_new_process(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        before = fleet.children()
        manifest = (fleet.flows / "a_graph" / "graphspec.yaml").read_text()
        text = manifest.replace("name: a", "name: b").replace("assistantID: a", "assistantID: b")
        (fleet.flows / "b.yaml").write_text(text)
        assert until(lambda: fleet.says("b"), "b") == "hi!"
        assert fleet.children() == before
        (fleet.flows / "b.yaml").unlink()
        until(lambda: fleet.run("b").status_code == 422, "b to go")


def test_a_new_folder_with_a_new_graph_is_served_without_a_new_process(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        before = fleet.children()
        fleet.add("b", answer="?")
        assert until(lambda: fleet.says("b"), "b") == "hi?"
        assert fleet.children() == before


def test_a_graph_whose_missing_file_is_added_is_mended(fleet: Fleet) -> None:
    fleet.add("a")
    (fleet.flows / "a_graph" / "__init__.py").write_text("from flows.a_graph.rest import *\n")
    with fleet.running():
        until(lambda: "failed, ImportError" in fleet.output(), "the failure")
        rest = fleet.flows / "a_graph" / "rest.py"
        rest.write_text(GRAPH.format(answer="!"))
        assert until(lambda: fleet.says("a"), "a") == "hi!"


def test_changed_code_is_served_by_a_new_worker(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a") == "hi!", "a")
        fleet.add("a", answer="...")
        until(lambda: fleet.says("a") == "hi...", "the new code")


def test_a_broken_manifest_is_told_and_changes_nothing(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        (fleet.flows / "bad.yaml").write_text("a: [1,")
        until(lambda: "not reloaded" in fleet.output(), "the message")
        assert "bad.yaml:1: not valid YAML" in fleet.output()
        assert fleet.says("a") == "hi!"


def test_a_worker_that_is_killed_is_started_again(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        (worker,) = [pid for pid, name in fleet.children().items() if name.endswith("worker")]
        os.kill(worker, signal.SIGKILL)
        until(lambda: worker not in fleet.children(), "the end")
        assert until(lambda: fleet.says("a"), "a again") == "hi!"


def test_threads_of_a_resumable_graph_outlive_the_fleet(fleet: Fleet) -> None:
    fleet.add("a", resumable="true")
    path = "/threads/order-1/runs/wait"
    body = {"assistant_id": "a", "input": {"text": "x"}, "if_not_exists": "create"}
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        assert fleet.http.post(path, json=body).json()["text"] == "x!"
    again = Fleet.__new__(Fleet)
    again.__dict__.update(fleet.__dict__)
    again.http = type(fleet.http)(base_url=fleet.http.base_url, timeout=30)
    with again.running():
        until(lambda: again.says("a"), "a")
        assert again.http.get("/threads/order-1/state").json()["values"]["text"] == "x!"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_drains_and_leaves_no_process(fleet: Fleet, number: signal.Signals) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        children = fleet.children()
        assert fleet.process is not None
        fleet.process.send_signal(number)
        assert fleet.process.wait(20) == 0
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert "Traceback" not in fleet.output()


def test_workers_die_with_a_fleet_that_is_killed(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        children = fleet.children()
        assert fleet.process is not None
        fleet.process.kill()
        fleet.process.wait(10)

        def gone() -> bool:
            return all(is_gone(pid) for pid in children)

        assert until(gone, "the end of the workers")


def test_a_port_in_use_is_told_with_what_to_do(fleet: Fleet) -> None:
    fleet.add("a")
    with socket.socket() as other:
        other.bind(("127.0.0.1", fleet.port))
        other.listen()
        done = subprocess.run(fleet.command(), cwd=fleet.root, capture_output=True, text=True)
    assert done.returncode == 2
    assert "is in use" in done.stderr
    assert "--port" in done.stderr


def test_a_second_fleet_on_the_same_state_is_refused(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        command = [part for part in fleet.command() if not part.startswith("--port")]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command.append(f"--port={port}")
        done = subprocess.run(command, cwd=fleet.root, capture_output=True, text=True)
    assert done.returncode == 2
    assert "another `graphwarden up`" in done.stderr
