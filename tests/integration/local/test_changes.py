"""`graphwarden up` while its files change, as people and their tools change them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from integration.local.conftest import Fleet, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

POOL = """\
apiVersion: graphwarden.dev/v1alpha1
kind: GraphPool
metadata: {name: one}
spec: {concurrencyPerReplica: 3}
"""


def test_settings_and_code_that_change_together_leave_one_worker(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a") == "hi!", "a")
        before = fleet.workers()
        fleet.add("a", answer="...")
        (fleet.flows / "pool.yaml").write_text(POOL)
        until(lambda: fleet.says("a") == "hi...", "the new code")
        until(lambda: len(fleet.workers()) == 1, "the old workers to go")
        assert fleet.workers() != before


def test_code_that_graphs_share_in_the_app_folder_is_followed(fleet: Fleet) -> None:
    fleet.add("a")
    code = fleet.flows / "a_graph" / "__init__.py"
    text = code.read_text().replace("ANSWER = '!'", "from words import ANSWER")
    code.write_text(f"import shared.more\n{text}")
    (fleet.root / "shared").mkdir()
    for name in ("__init__.py", "more.py"):
        (fleet.root / "shared" / name).write_text("")
    (fleet.root / "words.py").write_text("ANSWER = '!'")
    with fleet.running():
        until(lambda: fleet.says("a") == "hi!", "a")
        (fleet.root / "words.py").write_text("ANSWER = '?'")
        until(lambda: fleet.says("a") == "hi?", "the module at the top")
        (fleet.root / "shared" / "more.py").write_text("import words; words.ANSWER = '...'")
        until(lambda: fleet.says("a") == "hi...", "the package")


def test_a_folder_that_goes_and_comes_back_is_followed_again(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        fleet.flows.rename(fleet.root / ".aside")
        until(lambda: "flows is gone" in fleet.output(), "the message")
        assert fleet.says("a") == "hi!"
        (fleet.root / ".aside").rename(fleet.flows)
        until(lambda: "code changed" in fleet.output(), "the return")
        fleet.add("b", answer="?")
        until(lambda: fleet.says("b") == "hi?", "a graph that is added after the return")


def test_a_pool_without_graphs_drains_and_goes(fleet: Fleet) -> None:
    fleet.add("a")
    fleet.add_slow("slow", capability="two")
    with fleet.running():
        until(lambda: fleet.says("a"), "a")
        until(lambda: "slow (two): ready" in fleet.output(), "slow")
        with fleet.calling("slow", seconds=2) as answer:
            (fleet.flows / "slow_graph" / "graphspec.yaml").unlink()
            assert answer.result().json()["text"] == "waited"
        until(lambda: len(fleet.workers()) == 1, "the pool to go")
        assert fleet.says("a") == "hi!"


def test_a_pool_that_is_leaving_drains_to_the_end_when_the_fleet_stops(fleet: Fleet) -> None:
    fleet.add("a")
    fleet.add_slow("slow", capability="two")
    with fleet.running():
        until(lambda: "slow (two): ready" in fleet.output(), "slow")
        with fleet.calling("slow", seconds=3) as answer:
            (fleet.flows / "slow_graph" / "graphspec.yaml").unlink()
            until(lambda: "slow (two): removed" in fleet.output(), "the pool to leave")
            assert fleet.process is not None
            fleet.process.send_signal(signal.SIGTERM)
            assert answer.result().json()["text"] == "waited"
        assert fleet.process.wait(20) == 0


def test_a_worker_that_ends_at_its_start_is_told_with_its_last_words(fleet: Fleet) -> None:
    fleet.add("a")
    code = fleet.flows / "a_graph" / "__init__.py"
    good = code.read_text()
    code.write_text("import os; print('last words', flush=True); os._exit(7)")
    with fleet.running():
        until(lambda: "worker ended with code 7" in fleet.output(), "the end")
        assert "  | last words" in fleet.output()
        code.write_text(good)
        until(lambda: fleet.says("a") == "hi!", "the mended graph")


def test_a_worker_that_dies_while_it_is_replaced_leaves_one_that_serves(fleet: Fleet) -> None:
    fleet.add("a")
    with fleet.running():
        until(lambda: fleet.says("a") == "hi!", "a")
        (old,) = fleet.workers()
        fleet.add("a", answer="...")
        until(lambda: len(fleet.workers()) == 2, "the new worker")
        kill(old)
        until(lambda: fleet.says("a") == "hi...", "the new code")
        time.sleep(1)
        assert len(fleet.workers()) == 1


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists(), "the end")
