from __future__ import annotations

import contextvars
import json
import logging

from graphwarden.telemetry import logs


def make_record(message: str, **extra: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"msg": message, "name": "x", "levelname": "INFO", **extra})
    record.created, record.msecs = 0.25, 250
    return record


def test_a_line_is_one_json_object_with_its_extra_fields() -> None:
    line = logs.JsonFormatter(service="s").format(make_record("two\nlines", pool="email"))
    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.250Z",
        "level": "info",
        "logger": "x",
        "message": "two\nlines",
        "service": "s",
        "pool": "email",
    }
    assert "\n" not in line


def test_bound_fields_reach_later_lines_of_the_same_context_only() -> None:
    def inside() -> str:
        logs.bind(trace_id="t1")
        return logs.JsonFormatter().format(make_record("m"))

    assert json.loads(contextvars.copy_context().run(inside))["trace_id"] == "t1"
    assert "trace_id" not in json.loads(logs.JsonFormatter().format(make_record("m")))


def test_the_text_form_ends_with_the_fields() -> None:
    assert (
        logs.TextFormatter()
        .format(make_record("hello", pool="email"))
        .endswith("x: hello pool=email")
    )


def test_what_uvicorn_says_twice_stands_there_once() -> None:
    record = make_record("running", color_message="\x1b[1mrunning")
    assert "color_message" not in json.loads(logs.JsonFormatter().format(record))
