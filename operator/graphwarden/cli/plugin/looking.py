"""Reading a fleet: the objects in one go, and the words and tables made of them."""

from __future__ import annotations

import dataclasses
import json
import time
from contextlib import nullcontext, suppress

import click
from rich.live import Live

from graphwarden.api import names
from graphwarden.api.table import RouteTable
from graphwarden.cli import FAILED, OK
from graphwarden.cli.plugin import cluster as places
from graphwarden.cli.plugin.board import make_console, make_status_table, make_trouble_table
from graphwarden.cli.plugin.cluster import Cluster, Refused
from graphwarden.cli.plugin.explanation import explain
from graphwarden.cli.plugin.gauges import RouterView
from graphwarden.cli.plugin.router import Router
from graphwarden.cli.plugin.status import PoolLine, Snapshot, make_pool_lines
from graphwarden.cli.plugin.troubles import find_troubles
from graphwarden.router.objects import make_route_table

_WORKERS = f"{names.LABEL_APP}={names.WORKER_APP}"
_POOLED = names.LABEL_POOL
_REFRESH_SECONDS = 2.0
# Without these there is nothing to say; what else the caller may not see is left out and told.
_FIELDS = {
    "deployments": (places.DEPLOYMENTS, _POOLED),
    "autoscalers": (places.AUTOSCALERS, _POOLED),
    "pods": (places.PODS, _WORKERS),
    "slices": (places.SLICES, _POOLED),
}


def fetch_snapshot(cluster: Cluster, *, everywhere: bool = False) -> Snapshot:
    """Everything of a fleet that the caller may see.

    Raises:
        PluginError: the GraphSpecs themselves cannot be read.
    """
    graphs = cluster.list(places.GRAPHSPECS, everywhere=everywhere)
    graphpools = cluster.list(places.GRAPHPOOLS, everywhere=everywhere)
    found: dict[str, list[dict[str, object]]] = {}
    unseen = []
    for field, (place, selector) in _FIELDS.items():
        try:
            found[field] = cluster.list(place, selector=selector, everywhere=everywhere)
        except Refused as refusal:
            unseen.append(refusal.message)
    return Snapshot(graphs, graphpools, unseen=tuple(unseen), **found)


def show_status(
    cluster: Cluster, router: Router, *, output: str, everywhere: bool, watch: bool
) -> int:
    """Print a line per pool, once or until interrupted; the exit code."""
    if watch:
        with suppress(KeyboardInterrupt):  # the ordinary end
            _follow(cluster, router, output, everywhere=everywhere)
        return OK
    lines, notes = _look(cluster, router, everywhere=everywhere)
    if output == "json":
        click.echo(json.dumps([dataclasses.asdict(line) for line in lines], indent=2))
    elif lines:
        make_console().print(make_status_table(lines, everywhere=everywhere))
    else:
        click.echo(_nothing(cluster, everywhere=everywhere), err=True)
    _print_notes(notes)
    return OK


def _look(
    cluster: Cluster, router: Router, *, everywhere: bool
) -> tuple[list[PoolLine], list[str]]:
    snapshot = fetch_snapshot(cluster, everywhere=everywhere)
    view = router.look()
    lines = make_pool_lines(snapshot, _make_table(snapshot), view)
    return lines, _list_notes(snapshot, view)


def _follow(cluster: Cluster, router: Router, output: str, *, everywhere: bool) -> None:
    """Look again and again: a table that is redrawn, or a line of JSON per change."""
    console = make_console()
    shown: list[PoolLine] | None = None
    with (
        Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext() as live
    ):
        while True:
            lines, _ = _look(cluster, router, everywhere=everywhere)
            if output == "json" and lines != shown:
                click.echo(json.dumps([dataclasses.asdict(line) for line in lines]))
            elif output == "table":
                table = make_status_table(lines, everywhere=everywhere)
                if live is not None:
                    live.update(table, refresh=True)
                elif lines != shown:
                    console.print(table)
            shown = lines
            time.sleep(_REFRESH_SECONDS)


def show_errors(cluster: Cluster, *, output: str, everywhere: bool) -> int:
    """Print everything that is not ready; 1 when there is anything."""
    snapshot = fetch_snapshot(cluster, everywhere=everywhere)
    found = find_troubles(snapshot.graphs, snapshot.graphpools, snapshot.pods)
    if output == "json":
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in found], indent=2))
    elif found:
        console = make_console()
        table = make_trouble_table(found, everywhere=everywhere, is_terminal=console.is_terminal)
        console.print(table)
    elif not (snapshot.graphs or snapshot.graphpools):
        click.echo(_nothing(cluster, everywhere=everywhere), err=True)
    else:
        click.echo(f"nothing is wrong with {len(snapshot.graphs)} graphs")
    return FAILED if found else OK


def show_explanation(cluster: Cluster, router: Router, assistant: str, output: str) -> int:
    """Print where a call would go; 1 when it would be refused."""
    snapshot = fetch_snapshot(cluster)
    view = router.look()
    where = f"in namespace {cluster.namespace}"
    found = explain(assistant, snapshot.graphs, _make_table(snapshot), view, where)
    if output == "json":
        click.echo(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        for title, words in found.facts.items():
            click.echo(f"{title}: {words}")
        end = f"{found.status} {found.reason}".rstrip()
        verdict = {
            "sent": f"A call now is {found.why}.",
            "held": f"A call now is {found.why}; after that it is refused with {end}.",
            "refused": f"A call now is refused with {end}: {found.why}.",
        }[found.outcome]
        click.echo(verdict.replace("..", "."))
    _print_notes(_list_notes(snapshot, view))
    return FAILED if found.outcome == "refused" else OK


def _make_table(snapshot: Snapshot) -> RouteTable:
    return make_route_table(snapshot.graphs, snapshot.graphpools, snapshot.slices, generation=0)


def _list_notes(snapshot: Snapshot, view: RouterView) -> list[str]:
    return [*snapshot.unseen, *([view.silence] if view.silence else [])]


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)


def _nothing(cluster: Cluster, *, everywhere: bool) -> str:
    if everywhere:
        return "no namespace has a GraphSpec or a GraphPool"
    return (
        f"namespace {cluster.namespace} has no GraphSpec and no GraphPool; "
        "name another with -n, or look at all with -A"
    )
