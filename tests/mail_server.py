"""A real mail server for tests and the demo: GreenMail, with SMTP, IMAP and its own HTTP API.

Import it by name (`import mail_server`): `tests` is on pytest's import path.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx

VERSION = "2.1.13"
_NAME = f"greenmail-standalone-{VERSION}.jar"
_URL = f"https://repo1.maven.org/maven2/com/icegreen/greenmail-standalone/{VERSION}/{_NAME}"
_SHA256 = "21b361e46e8ffe83afe7915a2b01231c4a163c8d0fa5de607e32ed19732d908d"
# A machine on which everything starts at once takes its time with a JVM.
_START_SECONDS = 180
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "graphwarden"


class MailServerMissing(Exception):
    """There is no Java on this machine, or GreenMail cannot be had; the text says which."""


class MailServerFailed(RuntimeError):
    """GreenMail did not start; the text has its last words."""


@dataclass(frozen=True)
class MailServer:
    """A running server. Any address and password is taken, and a mailbox made at the first mail."""

    smtp_port: int
    imap_port: int
    api_port: int
    host: str = "127.0.0.1"

    @property
    def smtp(self) -> dict[str, Any]:
        """The `smtp` of a mailbox row."""
        return {"host": self.host, "port": self.smtp_port, "security": "none"}

    def imap(self, username: str) -> dict[str, Any]:
        """The `imap` of a mailbox row."""
        place = {"host": self.host, "port": self.imap_port, "security": "none"}
        return {**place, "username": username}

    def list_mails(self, address: str, folder: str = "INBOX") -> list[EmailMessage]:
        """What a mailbox has, oldest first."""
        url = f"{self._api}/user/{address}/messages/{folder}"
        answer = httpx.get(url)
        if answer.status_code in (400, 404):
            return []
        answer.raise_for_status()
        raw = [each["mimeMessage"].encode() for each in answer.json()]
        return [message_from_bytes(each, policy=policy.default) for each in raw]

    def purge(self) -> None:
        """Remove every mail."""
        httpx.post(f"{self._api}/mail/purge").raise_for_status()

    @property
    def _api(self) -> str:
        return f"http://{self.host}:{self.api_port}/api"


@contextmanager
def running_mail_server(host: str = "127.0.0.1") -> Iterator[MailServer]:
    """A server on free ports of an address of this machine, for as long as the block lasts.

    Raises:
        MailServerMissing: with the reason, for the test to print.
    """
    java, jar = find_java(), fetch_jar()
    smtp_port, imap_port, api_port = (free_port() for _ in range(3))
    server = MailServer(smtp_port, imap_port, api_port, host)
    options = {
        "greenmail.smtp.hostname": server.host,
        "greenmail.smtp.port": server.smtp_port,
        "greenmail.imap.hostname": server.host,
        "greenmail.imap.port": server.imap_port,
        "greenmail.api.hostname": server.host,
        "greenmail.api.port": server.api_port,
        "greenmail.auth.disabled": "",
    }
    flags = [f"-D{name}={value}" if value != "" else f"-D{name}" for name, value in options.items()]
    with tempfile.TemporaryFile() as log:
        command = [java, "-Xmx128m", "-XX:+UseSerialGC", *flags, "-jar", str(jar)]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tempfile.gettempdir())
        try:
            _wait(process, server, log)
            yield server
        finally:
            process.terminate()
            process.wait(20)


def fetch_jar() -> Path:
    """GreenMail's jar, checked against its known digest; downloaded once.

    Raises:
        MailServerMissing: it cannot be had, or is another file than it should be.
    """
    path = _CACHE / _NAME
    if not path.exists():
        try:
            content = httpx.get(_URL, timeout=120).raise_for_status().content
        except httpx.HTTPError as error:
            raise MailServerMissing(f"GreenMail cannot be fetched: {error}") from None
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(content)
        part.replace(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256:
        raise MailServerMissing(f"{path} is not the file that was asked for: delete it")
    return path


def find_java() -> str:
    """The java on the PATH.

    Raises:
        MailServerMissing: there is none.
    """
    java = shutil.which("java")
    if java is None:
        raise MailServerMissing("GreenMail needs java on the PATH (version 11 or later)")
    return java


def _wait(process: subprocess.Popen[bytes], server: MailServer, log: Any) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            if httpx.get(f"{server._api}/service/readiness").is_success:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            log.seek(0)
            raise MailServerFailed(f"GreenMail did not start: {log.read().decode()[-2000:]}")
        time.sleep(0.05)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
