"""The sales fleet in the cluster: PostgreSQL in it; web sites, mail and DNS on this machine."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg
import yaml

from dns_server import DnsServer, running_dns_server
from e2e.kube import ROOT, Kube, Manifest, run, until
from graphs.sales.data.database import URL, Database, close_databases, open_database
from graphs.sales.data.load import load_rows
from mail_server import MailServer, running_mail_server
from site_server import SiteServer, running_site_server

# Where pods of the test cluster find this machine.
MACHINE = "10.88.0.2"
CAMPAIGN, SENDER = "spring", "sam@northwind.example"
PEOPLE = {"Lotte Jensen": "Head of Sales", "Ines Duarte": "Chief Operating Officer"}
POOLS = ("classification", "discovery", "email", "enrichment", "orchestration")
_EVALUATION = "graphwarden-evaluation-postgres"
_SENDER_CONTEXT = {
    "sender_name": "Sam Lee",
    "sender_company": "Northwind",
    "postal_address": "Northwind Ltd, 1 Quay Street, Bristol",
    "unsubscribe_mail": SENDER,
}
_ANY_TIME = {"days": [0, 1, 2, 3, 4, 5, 6], "start": "00:00", "end": "23:59:59"}
_PAGE = """<!doctype html><html lang="en"><head><title>{title}</title>
<meta name="description" content="Freight software for shippers of every size.">
</head><body><nav><a href="/team">Our team</a></nav><h1>{title}</h1>{body}</body></html>
"""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Sales:
    """The fleet, and the servers of this machine that it works with."""

    kube: Kube
    mail: MailServer
    sites: SiteServer
    dns: DnsServer
    owner_url: str

    def make_site(self, name: str) -> str:
        """A company's web site, with the same two people under other addresses; its domain."""
        domain = f"{name}.example"
        self.dns.records |= {
            (domain, "A"): [MACHINE],
            (domain, "MX"): [f"10 mail.{domain}."],
            (f"mail.{domain}", "A"): [MACHINE],
        }
        folder = self.sites.folder / domain
        folder.mkdir()
        title = f"{name.capitalize()} Freight"
        people = "".join(
            f"<li><h3>{person}</h3><p>{role}</p>"
            f'<a href="mailto:{make_address(person, domain)}">Write</a></li>'
            for person, role in PEOPLE.items()
        )
        pages = {"index": "<p>We move freight.</p>", "team": f"<ul>{people}</ul>"}
        for page, body in pages.items():
            (folder / f"{page}.html").write_text(_PAGE.format(title=title, body=body))
        return domain

    def read(self, look: Callable[[Database], Awaitable[Value]]) -> Value:
        """What the database says."""

        async def read() -> Value:
            try:
                return await look(await open_database({URL: self.owner_url}))
            finally:
                await close_databases()

        return asyncio.run(read())


def make_address(person: str, domain: str) -> str:
    """`first@domain`."""
    return f"{person.split()[0].lower()}@{domain}"


@contextmanager
def running_sales(kube: Kube, folder: Path) -> Iterator[Sales]:
    """All of it for as long as the block lasts; the graphs are applied already."""
    with (
        running_mail_server(MACHINE) as mail,
        running_site_server(folder, address=MACHINE) as sites,
        running_dns_server({}, MACHINE) as dns,
    ):
        owner_url, password = _make_database(kube)
        environment = {
            "SALES_WEB_CONNECT_TO": f"*.example={MACHINE}:{sites.port}",
            "SALES_WEB_GAP_SECONDS": "0",
            "SALES_DNS_SERVERS": dns.address,
            "SALES_MAILBOX_PASSWORD": "any",
            "GRAPHWARDEN_URL": "http://graphwarden-router",
        }
        _apply_pools(kube, environment, password)
        try:
            sales = Sales(kube, mail, sites, dns, owner_url)
            sales.read(lambda database: _seed(database, mail))
            yield sales
        finally:
            kube.delete("graphpool", *POOLS)
            for name in POOLS:
                until(
                    f"pool {name} is as before", lambda name=name: _has_secret(kube, name) is False
                )
                _await_rollout(kube, name)


def _make_database(kube: Kube) -> tuple[str, str]:
    """A database of its own with a role for each pool; the owner's address, the roles' password."""
    secret = kube.get("secret", _EVALUATION)["data"]["password"]
    password = base64.b64decode(secret).decode()
    address = kube.get("service", _EVALUATION)["spec"]["clusterIP"]
    owner = f"postgresql://graphwarden:{password}@{address}:5432"
    with psycopg.connect(f"{owner}/graphwarden", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS fleet WITH (FORCE)")
        connection.execute("CREATE DATABASE fleet")
    passwords = {f"SALES_PASSWORD_{pool.upper()}": password for pool in POOLS}
    environment = {**os.environ, **passwords, URL: f"{owner}/fleet"}
    for what in ("migrate", "roles"):
        run(sys.executable, "-m", "graphs.sales.data", what, **environment)
    return f"{owner}/fleet", password


def _apply_pools(kube: Kube, environment: Mapping[str, str], password: str) -> None:
    """The pools of the repository, small, each with its own role, and ready again."""
    wanted = {}
    for path in sorted((ROOT / "graphs/pools").glob("*.yaml")):
        pool: Manifest = yaml.safe_load(path.read_text())
        name = pool["metadata"]["name"]
        url = f"postgresql://sales_{name}:{password}@{_EVALUATION}:5432/fleet"
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"sales-{name}"}}
        kube.apply({**secret, "stringData": {**environment, URL: url}})
        small = {"requests": {"cpu": "20m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}
        spec = pool["spec"]
        spec["worker"] = {**spec["worker"], "resources": small}
        spec["scaling"] = {"mode": "None"}
        wanted[name] = pool
    assert sorted(wanted) == sorted(POOLS)
    kube.apply(*wanted.values())
    for name in wanted:
        until(f"pool {name} has its secret", lambda name=name: _has_secret(kube, name))
        _await_rollout(kube, name)


def _await_rollout(kube: Kube, pool: str) -> None:
    kube.kubectl("rollout", "status", f"deployment/graphpool-{pool}", "--timeout=300s")


def _has_secret(kube: Kube, pool: str) -> bool | None:
    """Whether the workers get it; None where there is no Deployment: it goes with its GraphPool,
    and is made anew for the graphs.
    """
    deployment = kube.find("deployment", f"graphpool-{pool}")
    if deployment is None:
        return None
    containers = deployment["spec"]["template"]["spec"]["containers"]
    (worker,) = (each for each in containers if each["name"] == "worker")
    sources = [each.get("secretRef", {}).get("name") for each in worker.get("envFrom", [])]
    return f"sales-{pool}" in sources


async def _seed(database: Database, mail: MailServer) -> None:
    product = {
        "id": "desk", "name": "Northwind Desk",
        "value_proposition": "it halves the time to answer a ticket",
    }  # fmt: skip
    mailbox = {
        "id": "sam", "address": SENDER, "display_name": "Sam Lee", "smtp": mail.smtp,
        "imap": mail.imap(SENDER), "password_env": "SALES_MAILBOX_PASSWORD",
        "window": _ANY_TIME, "min_gap_seconds": 0, "jitter_seconds": 0,
    }  # fmt: skip
    campaign = {"id": CAMPAIGN, "name": "Spring", "product_id": "desk", "mailbox_id": "sam"}
    rows = {"products": [product], "mailboxes": [mailbox], "campaigns": [campaign]}
    await load_rows(database, yaml.safe_dump(rows), datetime.now(UTC))


def with_sender(graph: Manifest) -> Manifest:
    """A GraphSpec whose mails have a sender and a footer."""
    context = {**graph["spec"].get("context", {}), **_SENDER_CONTEXT}
    return {**graph, "spec": {**graph["spec"], "context": context}}
