"""One line of JSON per record on standard error, or plain text for a terminal."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Literal

LogFormat = Literal["json", "text"]

# What every line of the current request carries: trace_id, run_id, thread_id, assistant_id, ...
fields: ContextVar[Mapping[str, Any]] = ContextVar("log_fields", default={})  # noqa: B039

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# What uvicorn adds for its own formatter: the message once more, with escape codes.
_NOT_FOR_READERS = frozenset({"color_message"})


def bind(**values: Any) -> None:
    """Add fields to every later line of this task and the tasks it starts."""
    fields.set({**fields.get(), **values})


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    own = {k: v for k, v in vars(record).items() if k not in _STANDARD | _NOT_FOR_READERS}
    return {**fields.get(), **own}


class JsonFormatter(logging.Formatter):
    """Time in RFC 3339, level, logger, message, bound fields, and the fields given as `extra`."""

    def __init__(self, **constant: Any) -> None:
        super().__init__()
        self._constant = constant

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object on one line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._constant,
            **_extra(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """The same for a person: time, level, message, then the fields as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback below it where there is one."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        extra = "".join(f" {k}={v}" for k, v in _extra(record).items())
        line = f"{clock} {record.levelname:<7} {record.name}: {record.getMessage()}{extra}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure(log_format: LogFormat = "json", level: str = "INFO", **constant: Any) -> None:
    """Send every logger of the process to standard error in one format.

    Args:
        log_format: `json` or `text`.
        level: the lowest level that is written.
        constant: fields on every line, for example `service="graphwarden-router"`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(**constant) if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
