"""A server that speaks OpenAI's chat completions from a script of answers, also of bad ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Longer than any test waits: who asks for a slow answer gives up first.
_SLOW_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """One answer. `cut` ends the connection in the middle of the body; `slow` keeps it waiting
    until the server stops; `finish_reason` `length` is a model that ran out of tokens.
    """

    content: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    finish_reason: str = "stop"
    cut: bool = False
    slow: bool = False
    raw: bytes | None = None


@dataclass(frozen=True)
class Request:
    """What came in. Names of headers are lower case."""

    headers: Mapping[str, str]
    body: Mapping[str, Any]


class ModelServer:
    """`answers` are given in order; a request more than there are gets a 500."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[Answer] = []
        self.requests: list[Request] = []


@contextmanager
def running_model_server() -> Iterator[ModelServer]:
    """The server on a free port of loopback."""
    stopping = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.requests.append(Request(headers, json.loads(self.rfile.read(size))))
            answer = server.answers.pop(0) if server.answers else Answer("no answer", 500)
            if answer.slow:
                stopping.wait(_SLOW_SECONDS)
                self.close_connection = True
                return
            body = answer.raw if answer.raw is not None else _render(answer)
            self.send_response(answer.status)
            for name, value in {"content-type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if answer.cut else body)
            self.close_connection = answer.cut

        def log_message(self, *args: Any) -> None:
            pass

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    server = ModelServer(f"http://127.0.0.1:{listener.server_port}/v1")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        stopping.set()
        listener.shutdown()
        thread.join()
        listener.server_close()


def _render(answer: Answer) -> bytes:
    if answer.status != 200:
        return json.dumps({"error": {"message": answer.content, "type": "error"}}).encode()
    message = {"role": "assistant", "content": answer.content}
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": "m",
            "choices": [choice],
            "usage": usage,
        }
    ).encode()
