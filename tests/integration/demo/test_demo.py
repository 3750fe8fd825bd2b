"""The demo's day, from the first web page to the opportunity, as a program reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mail_server import MailServerMissing, fetch_jar, find_java

ROOT = Path(__file__).parents[3]
# Five workers start at once, on whatever machine this is.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def run_demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The steps by name, as `make demo OUTPUT=json` prints them."""
    try:
        find_java()
        fetch_jar()
    except MailServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs a mail server: {missing}")
        pytest.skip(str(missing))
    kept = tmp_path_factory.mktemp("demo")
    done = run_demo("--output", "json", "--keep", str(kept))
    assert done.returncode == 0, f"{done.stderr}\n{read_logs(kept)}"
    return {step["name"]: step["facts"] for step in json.loads(done.stdout)["steps"]}


def read_logs(kept: Path) -> str:
    logs = [kept / "up.log", *sorted(kept.rglob("logs/*"))]
    return "\n".join(f"{log.name}\n{log.read_text()[-1500:]}" for log in logs if log.is_file())


def test_the_whole_fleet_is_up(told: dict[str, Any]) -> None:
    folders = list((ROOT / "graphs").glob("*/graphspec.yaml"))
    assert len(told["fleet"]["graphs"]) == len(folders)
    assert set(told["fleet"]["pools"]) == {
        "classification", "discovery", "email", "enrichment", "orchestration",
    }  # fmt: skip


def test_the_pipeline_finds_who_decides(told: dict[str, Any]) -> None:
    pipeline = told["pipeline"]
    assert pipeline["reports"]["discover"] == {"processed": 2, "created": 2, "errors": 0}
    assert pipeline["chosen"][0]["title"] == "Head of Customer Support"


def test_nothing_fails_in_the_whole_day(told: dict[str, Any]) -> None:
    for step in ("pipeline", "approval"):
        assert told[step]["failures"] == []
        assert {report["errors"] for report in told[step]["reports"].values()} == {0}


def test_a_mail_goes_out_and_its_answer_stops_the_sequence(told: dict[str, Any]) -> None:
    assert told["mail"]["message_id"].startswith("<t1.spring.")
    assert told["tick"]["matched_by"] == "references"
    assert told["tick"]["stop_reason"] == "Replied"


def test_the_answer_becomes_an_opportunity_with_a_draft(told: dict[str, Any]) -> None:
    task = told["opportunity"]["task"]
    assert told["opportunity"]["stage"] == "qualified"
    assert task["kind"] == "send_answer"
    assert task["draft"]["subject"].startswith("Re: ")
    assert "pricing" in task["draft"]["body"]


def test_one_trace_holds_the_approval_in_all_pools_that_it_touched(told: dict[str, Any]) -> None:
    tree = "\n".join(told["trace"]["tree"])
    spans = ("invoke_workflow pipeline", "invoke_workflow campaign", "smtp send")
    assert [span for span in spans if span not in tree] == []


def test_without_java_the_demo_says_what_it_needs(tmp_path: Path) -> None:
    done = run_demo(PATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        "The demo needs a mail server: GreenMail needs java on the PATH (version 11 or later).\n"
    )
