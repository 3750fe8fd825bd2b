from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from graphwarden.cli.client import read_events
from graphwarden.cli.commands import cli

GOOD = """\
apiVersion: graphwarden.dev/v1alpha1
kind: GraphSpec
metadata: {name: a}
spec: {assistantID: a, capability: email, module: graphs.x}
"""


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize("command", [None, *sorted(cli.commands)])
def test_every_command_has_help(command: str | None) -> None:
    done = call(*([command] if command else []), "--help")
    assert done.exit_code == 0
    assert "Usage:" in done.output


def test_valid_manifests_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    done = call("validate", str(tmp_path))
    assert (done.exit_code, done.output) == (0, "1 graphs in 1 pool: all valid\n")


def test_each_mistake_of_a_folder_is_told_and_the_exit_code_is_1(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD.replace("name: a", "name: b"))
    (tmp_path / "c.yaml").write_text("a: [1,")
    done = call("validate", str(tmp_path))
    assert done.exit_code == 1
    assert "c.yaml:1: not valid YAML" in done.output
    assert "assistantID a belongs to GraphSpec default/a" in done.output


def test_problems_are_given_as_json_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("email", "E.x"))
    done = call("validate", str(tmp_path), "-o", "json")
    assert done.exit_code == 1
    (problem,) = json.loads(done.output)["problems"]
    assert problem["field"] == "spec.capability"


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    done = call("validate", str(tmp_path))
    assert (done.exit_code, "holds no GraphSpec" in done.output) == (1, True)


@pytest.mark.parametrize("command", ["validate", "up", "render"])
def test_a_folder_that_does_not_exist_is_a_usage_error(command: str) -> None:
    done = call(command, "no-such-folder")
    assert (done.exit_code, "does not exist" in done.output) == (2, True)


def test_a_broken_manifest_keeps_the_fleet_from_starting(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [1,")
    done = call("up", str(tmp_path), "--state-dir", str(tmp_path / "state"))
    assert (done.exit_code, "a.yaml:1: not valid YAML" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{broken", "--input: not valid JSON at line 1"),
        ("missing.json", "check that it exists"),
    ],
)
def test_input_that_is_no_json_is_a_usage_error_that_says_where(text: str, wanted: str) -> None:
    done = call("run", "x", "--input", text)
    assert (done.exit_code, wanted in done.output) == (2, True)


def test_an_answer_without_a_thread_is_a_usage_error() -> None:
    assert call("run", "x", "--resume", "{}").exit_code == 2


@pytest.mark.parametrize("arguments", [("run", "x"), ("graphs",)])
def test_a_fleet_that_is_not_there_is_exit_code_3(arguments: tuple[str, ...]) -> None:
    done = call(*arguments, "--url", "http://127.0.0.1:9")
    assert (done.exit_code, "nothing answers at" in done.output) == (3, True)


def test_an_address_without_a_scheme_is_a_usage_error() -> None:
    done = call("graphs", "--url", "localhost:8123")
    assert (done.exit_code, "http://" in done.output) == (2, True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    assert "_GRAPHWARDEN_COMPLETE" in call("completion", shell).output


def test_events_are_read_past_comments_and_to_their_blank_line() -> None:
    lines = ["event: a", 'data: {"x":1}', "", ": heartbeat", "", "event: end", "data: null", ""]
    assert list(read_events(iter(lines))) == [("a", {"x": 1}), ("end", None)]
