from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from graphwarden.cli.client import read_events
from graphwarden.cli.commands import cli

GOOD = """\
apiVersion: graphwarden.dev/v1alpha1
kind: GraphSpec
metadata: {name: a}
spec: {assistantID: a, capability: email, module: elsewhere.x}
"""


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@contextmanager
def serving(status: int, body: bytes, kind: str = "application/json") -> Iterator[str]:
    """A server that gives one answer to everything; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            headers = {"content-type": kind, "content-length": str(len(body)), "x-trace-id": "abc"}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("command", [None, *sorted(cli.commands)])
def test_every_command_has_help(command: str | None) -> None:
    done = call(*([command] if command else []), "--help")
    assert done.exit_code == 0
    assert "Usage:" in done.output


def test_valid_manifests_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    done = call("validate", str(tmp_path))
    assert (done.exit_code, done.output) == (0, "1 graph in 1 pool: all valid\n")


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


@pytest.mark.parametrize("text", ["a" * 400, "[" * 100_000])
def test_input_that_no_file_is_named_like_or_nobody_can_parse_is_a_usage_error(text: str) -> None:
    assert call("run", "x", "--input", text).exit_code == 2


def test_input_of_another_encoding_is_a_usage_error() -> None:
    done = CliRunner().invoke(cli, ["run", "x", "--input", "-"], input=b"\xff\xfe{}")
    assert (done.exit_code, "it is not UTF-8" in done.output) == (2, True)


def test_a_key_that_no_header_can_hold_is_a_usage_error() -> None:
    done = call("run", "x", "--api-key", "schlüssel", "--url", "http://127.0.0.1:9")
    assert (done.exit_code, "printable ASCII" in done.output) == (2, True)


@pytest.mark.parametrize("body", [b"<html></html>", b"[]", b'{"graphs": 1}'])
@pytest.mark.parametrize("arguments", [("run", "x", "--stream"), ("graphs",)])
def test_another_kind_of_server_is_told(arguments: tuple[str, ...], body: bytes) -> None:
    with serving(200, body) as url:
        done = call(*arguments, "--url", url)
    assert (done.exit_code, "is not a Graphwarden router" in done.output) == (4, True)


def test_a_result_is_printed_as_json() -> None:
    with serving(200, b'{"text": "\xc3\xa9"}') as url:
        done = call("run", "x", "--url", url)
    assert (done.exit_code, json.loads(done.output)) == (0, {"text": "é"})


def test_a_run_that_failed_is_exit_code_1_with_its_trace() -> None:
    with serving(200, b'{"__error__": {"error": "ValueError", "message": "kaboom"}}') as url:
        done = call("run", "x", "--url", url)
    assert done.exit_code == 1
    assert done.stderr == "the run failed: ValueError: kaboom\ntrace abc\n"
    assert done.stdout == ""


def test_a_refusal_is_exit_code_4_with_its_detail_and_trace() -> None:
    with serving(422, b'{"detail": "no such graph", "reason": "UnknownAssistant"}') as url:
        done = call("run", "x", "--url", url)
    assert (done.exit_code, done.stderr) == (4, "422: no such graph\ntrace abc\n")


def test_an_error_in_a_stream_is_exit_code_1() -> None:
    stream = b'event: metadata\ndata: {}\n\nevent: error\ndata: {"error":"E","message":"m"}\n\n'
    with serving(200, stream, "text/event-stream") as url:
        done = call("run", "x", "--stream", "--url", url)
    assert (done.exit_code, done.stderr) == (1, "the run failed: E: m\ntrace abc\n")
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["metadata", "error"]


def test_the_list_of_graphs_shows_messages_as_they_are() -> None:
    graph = {
        "assistant_id": "a",
        "pool": "p",
        "loaded": "0/1",
        "message": "got [/red] in " + "x" * 99,
    }
    with serving(200, json.dumps({"graphs": [graph]}).encode()) as url:
        done = call("graphs", "--url", url)
    assert done.exit_code == 0
    assert done.output.splitlines()[1].rstrip().endswith("got [/red] in " + "x" * 99)


def test_this_machine_is_reached_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serving(200, b'{"graphs": []}') as url:
        assert call("graphs", "--url", url).exit_code == 0


def test_what_is_valid_but_hardly_meant_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace("elsewhere.x", "elsewhere.x, suspend: true"))
    pool = GOOD.replace("GraphSpec", "GraphPool").split("spec:")[0].replace("name: a", "name: mail")
    (tmp_path / "p.yaml").write_text(pool + "spec: {}\n")
    done = call("validate", str(tmp_path), "-o", "json")
    assert done.exit_code == 0
    warnings = json.loads(done.output)["warnings"]
    assert [warning["reason"] for warning in warnings] == ["Suspended", "UnusedPool"]
    assert "the name of a GraphPool is the capability" in warnings[1]["message"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    assert "_GRAPHWARDEN_COMPLETE" in call("completion", shell).output


def test_events_are_read_past_comments_and_to_their_blank_line() -> None:
    lines = ["event: a", 'data: {"x":1}', "", ": heartbeat", "", "event: end", "data: null", ""]
    assert list(read_events(iter(lines))) == [("a", {"x": 1}), ("end", None)]
