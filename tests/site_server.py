"""The web sites of `tests/sites`, served by a real HTTP server for tests and the demo.

Each folder is a host. A path is a file there, with or without `.html`; `answers.toml` of the folder
says what else a path does:

    ["/slow"]
    status = 429                       # 200 where it is not said
    headers = {Retry-After = "1"}
    times = 1                          # the first requests alone; then as if it were not here
    file = "other.html"                # the body; or `fill = 10_000_000`: so many bytes
    encode = "iso-8859-1"              # the file is UTF-8, and sent so
    gzip = true
    drip_seconds = 0.2                 # a byte at a time

Import it by name (`import site_server`): `tests` is on pytest's import path. From a shell:
`python tests/site_server.py 8731` and `SALES_WEB_CONNECT_TO=*.example=127.0.0.1:8731`.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SITES = Path(__file__).parent / "sites"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".xml": "application/xml",
}


@dataclass(frozen=True)
class Request:
    """What came in; header names in lower case."""

    host: str
    path: str
    headers: Mapping[str, str]


@dataclass
class SiteServer:
    """A running server, and what it was asked for."""

    port: int
    folder: Path = SITES
    asked: list[Request] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def connect_to(self) -> str:
        """The value of SALES_WEB_CONNECT_TO by which every `.example` is here."""
        return f"*.example=127.0.0.1:{self.port}"

    def list_paths(self, host: str) -> list[str]:
        """The paths asked of a host, in order."""
        return [request.path for request in self.asked if request.host == host]


@contextmanager
def running_site_server(
    folder: Path = SITES, port: int = 0, address: str = "127.0.0.1"
) -> Iterator[SiteServer]:
    """It answers on a loopback port for as long as the block lasts."""

    class Handler(_Handler):
        site: SiteServer

    listening = ThreadingHTTPServer((address, port), Handler)
    server = SiteServer(listening.server_port, folder)
    Handler.site = server
    thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    site: SiteServer
    protocol_version = "HTTP/1.1"
    server_version = "sites"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        host = (self.headers.get("host") or "").partition(":")[0].removeprefix("www.")
        given = {name.lower(): value for name, value in self.headers.items()}
        self.site.asked.append(Request(host, self.path, given))
        answer = self._find_answer(host, parts.path)
        if answer.get("search"):
            self._send(200, {"Content-Type": "application/json"}, self._search(host, parts.query))
            return
        self._give(host, parts.path, answer)

    def _find_answer(self, host: str, path: str) -> dict[str, Any]:
        file = self.site.folder / host / "answers.toml"
        answers = tomllib.loads(file.read_text()) if file.is_file() else {}
        answer: dict[str, Any] = answers.get(path) or answers.get("*") or {}
        self.site.counts[host, path] += 1
        if self.site.counts[host, path] > answer.get("times", sys.maxsize):
            return {}
        return answer

    def _give(self, host: str, path: str, answer: Mapping[str, Any]) -> None:
        status = answer.get("status", 200)
        headers = dict(answer.get("headers", {}))
        file = self._find_file(host, answer.get("file", path))
        body = b""
        if "fill" in answer:
            body = b"<p>" + b"x" * answer["fill"]
        elif file is not None:
            body = file.read_bytes()
            headers.setdefault("Content-Type", _KINDS.get(file.suffix, "application/octet-stream"))
        elif status == 200:
            status, body = 404, b"<h1>Not found</h1>"
        headers.setdefault("Content-Type", "text/html")
        if "encode" in answer:
            body = body.decode().encode(answer["encode"])
        if answer.get("gzip"):
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        self._send(status, headers, body, answer.get("drip_seconds", 0.0))

    def _find_file(self, host: str, path: str) -> Path | None:
        base = (self.site.folder / host).resolve()
        name = unquote(path).strip("/") or "index"
        for each in (base / name, base / f"{name}.html", base / name / "index.html"):
            if each.resolve().is_relative_to(base) and each.is_file():
                return each
        return None

    def _search(self, host: str, query: str) -> bytes:
        """Results in the format of SearXNG, by the words of the query."""
        entries = json.loads((self.site.folder / host / "results.json").read_text())
        given = {name: values[0] for name, values in parse_qs(query).items()}
        words = [word for word in given.get("q", "").lower().split() if len(word) > 2]
        fitting = [
            entry
            for entry in entries
            if any(word in f"{entry['title']} {entry['content']}".lower() for word in words)
        ]
        page, size = int(given.get("pageno", "1")), 5
        return json.dumps(
            {"query": given.get("q", ""), "results": fitting[(page - 1) * size : page * size]}
        ).encode()

    def _send(
        self, status: int, headers: Mapping[str, str], body: bytes, drip_seconds: float = 0.0
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            if not drip_seconds:
                self.wfile.write(body)
                return
            for each in body:
                self.wfile.write(bytes([each]))
                time.sleep(drip_seconds)
        except (BrokenPipeError, ConnectionResetError):
            # Whoever asked has read enough.
            self.close_connection = True

    def handle(self) -> None:
        """One that hangs up between two requests is no error."""
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


if __name__ == "__main__":
    with running_site_server(port=int(sys.argv[1]) if len(sys.argv) > 1 else 8731) as served:
        print(f"SALES_WEB_CONNECT_TO='{served.connect_to}'", flush=True)
        threading.Event().wait()
