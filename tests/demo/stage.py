"""What the demo plays on: web sites, mail, DNS and the fleet, all of them real servers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from dns_server import Records, running_dns_server
from mail_server import MailServer, free_port, running_mail_server
from site_server import SiteServer, running_site_server

ROOT = Path(__file__).parents[2]
SITES = Path(__file__).parent / "sites"
SENDER = "sam@northwind.example"
# What GraphSpecs say of the sender of mails; in a cluster it stands in their `context`.
CONTEXT = {
    "sender_name": "Sam Lee",
    "sender_company": "Northwind",
    "postal_address": "Northwind Ltd, 1 Quay Street, Bristol",
    "unsubscribe_mail": SENDER,
    "calendar_url": "https://northwind.example/calendar",
}
_START_SECONDS = 240.0
_STOP_SECONDS = 30.0
_FOR_GOOD = frozenset({"ImportError", "AttributeMissing", "BuilderFailed", "NotAGraph"})


class FleetFailed(Exception):
    """The fleet did not come up; the text has its last words."""


@dataclass(frozen=True)
class Stage:
    """Everything that runs, and where it keeps its files."""

    folder: Path
    url: str
    sdk: SyncLangGraphClient
    mail: MailServer
    sites: SiteServer
    graphs: dict[str, str]
    """Assistant ids and the pool of each."""

    @property
    def database_url(self) -> str:
        """SALES_DATABASE_URL of every pool."""
        return make_database_url(self.folder)


def make_database_url(folder: Path) -> str:
    """The sales database of a stage."""
    return f"sqlite:///{folder / 'sales.db'}"


@contextmanager
def running_stage(folder: Path, **environment: str) -> Iterator[Stage]:
    """All of it for as long as the block lasts.

    Args:
        folder: for manifests, databases and logs.
        environment: of router and workers, beside what the stage itself needs.

    Raises:
        MailServerMissing: there is no Java, or GreenMail cannot be had.
        FleetFailed: a graph did not load.
    """
    manifests = folder / "manifests"
    write_manifests(ROOT / "graphs", manifests)
    records: Records = {("mail.northwind.example", "A"): ["127.0.0.1"]}
    for site in sorted(SITES.iterdir()):
        records[site.name, "A"] = ["127.0.0.1"]
        records[site.name, "MX"] = ["10 mail.northwind.example."]
    with contextlib.ExitStack() as stack:
        mail = stack.enter_context(running_mail_server())
        sites = stack.enter_context(running_site_server(SITES))
        dns = stack.enter_context(running_dns_server(records))
        environment = {
            **environment,
            "SALES_DATABASE_URL": make_database_url(folder),
            "SALES_WEB_CONNECT_TO": sites.connect_to,
            "SALES_WEB_GAP_SECONDS": "0",
            "SALES_DNS_SERVERS": dns.address,
            "SALES_DEMO_PASSWORD": "any",
        }
        url = stack.enter_context(running_fleet(folder, manifests, environment))
        graphs = wait_for_graphs(url, folder / "up.log")
        sdk = stack.enter_context(get_sync_client(url=url))
        yield Stage(folder, url, sdk, mail, sites, graphs)


def write_manifests(source: Path, target: Path) -> None:
    """The fleet's manifests, with the sender in the context of each graph."""
    for path in source.rglob("*.yaml"):
        documents = list(yaml.safe_load_all(path.read_text()))
        for document in documents:
            if document["kind"] == "GraphSpec":
                context = document["spec"].get("context") or {}
                document["spec"]["context"] = {**context, **CONTEXT}
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(yaml.safe_dump_all(documents))


@contextmanager
def running_fleet(folder: Path, manifests: Path, environment: dict[str, str]) -> Iterator[str]:
    """`graphwarden up` on the manifests; gives the router's address."""
    port = free_port()
    command = [
        sys.executable, "-c", "from graphwarden.cli import main; main()", "up", str(manifests),
        f"--port={port}", f"--state-dir={folder / 'state'}", f"--app-dir={ROOT}",
        "--drain-seconds=5",
    ]  # fmt: skip
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **environment}
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_graphs(url: str, log: Path) -> dict[str, str]:
    """Assistant ids and pools, once every graph can be called.

    Raises:
        FleetFailed: one cannot be loaded, or it took too long.
    """
    deadline = time.monotonic() + _START_SECONDS
    waiting = ["the router"]
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(f"{url}/graphs", timeout=10)
            rows = answer.json()["graphs"] if answer.is_success else []
            for row in rows:
                if row["reason"] in _FOR_GOOD:
                    raise FleetFailed(f"{row['assistant_id']} did not load: {row['message']}")
            waiting = [row["assistant_id"] for row in rows if not row["ready"]]
            if rows and not waiting:
                return {row["assistant_id"]: row["pool"] for row in rows}
        time.sleep(0.2)
    last = log.read_text()[-2000:]
    raise FleetFailed(f"waited {_START_SECONDS:g} s for {', '.join(waiting)}\n{last}")
