"""The commands that change something: what is written, and the wait for what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import click
import httpx

from graphwarden.api import names
from graphwarden.cli import FAILED, OK
from graphwarden.cli.client import Call, print_refusal, print_result
from graphwarden.cli.plugin.cluster import DEPLOYMENTS, GRAPHSPECS, PODS, Cluster, PluginError
from graphwarden.cli.plugin.draining import plan_drain, plan_undo
from graphwarden.cli.plugin.rollout import Progress, judge_drain, judge_rollout, make_restart
from graphwarden.cli.plugin.router import Router

_LOOK_SECONDS = 1.0


def drain(cluster: Cluster, pool: str, *, undo: bool, wait_seconds: float | None) -> int:
    """Suspend the graphs of a pool, or bring them back; the exit code."""
    graphs = cluster.list(GRAPHSPECS)
    of_pool = [g for g in graphs if g["spec"].get("capability") == pool]
    if not of_pool:
        raise PluginError(_no_pool(cluster, pool, graphs), FAILED)
    plan = plan_undo(pool, graphs) if undo else plan_drain(pool, graphs)
    for change in plan:
        cluster.patch(GRAPHSPECS, change.name, change.patch)
        click.echo(f"graphspec/{change.name} {'admits runs again' if undo else 'suspended'}")
    if undo:
        if not plan:
            click.echo(f"nothing of pool {pool} was drained", err=True)
        return OK
    if not plan:
        click.echo(f"every graph of pool {pool} is suspended already")
    if wait_seconds is None:
        return OK
    return _wait(lambda: judge_drain(_list_pods(cluster, pool)), pool, wait_seconds)


def restart(cluster: Cluster, pool: str, *, wait_seconds: float | None) -> int:
    """Have every pod of a pool replaced, a few at a time; the exit code."""
    name = names.make_pool_name(pool)
    deployment = cluster.find(DEPLOYMENTS, name)
    if deployment is None:
        graphs = cluster.list(GRAPHSPECS)
        if not any(graph["spec"].get("capability") == pool for graph in graphs):
            raise PluginError(_no_pool(cluster, pool, graphs), FAILED)
    if deployment is None or not (deployment.get("spec") or {}).get("replicas", 1):
        click.echo(f"pool {pool} has no pods now; the next ones are new anyway")
        return OK
    cluster.patch(DEPLOYMENTS, name, make_restart(datetime.now(UTC)))
    click.echo(f"deployment/{name} restarted")
    if wait_seconds is None:
        return OK

    def look() -> Progress:
        found = cluster.find(DEPLOYMENTS, name)
        if found is None:
            return Progress(f"deployment {name} was deleted meanwhile", failed=True)
        return judge_rollout(found, _list_pods(cluster, pool))

    return _wait(look, pool, wait_seconds)


def run(router: Router, call: Call) -> int:
    """Run a graph once and print its result; the exit code."""
    endless = httpx.Timeout(10, read=None)
    answer = router.ask("POST", call.path, json=call.body, timeout=endless)
    return print_result(answer) if answer.is_success else print_refusal(answer)


def _wait(look: Callable[[], Progress], pool: str, seconds: float) -> int:
    """Tell each step once, until it is done, has failed or the time is over."""
    end = time.monotonic() + seconds
    told = ""
    while True:
        progress = look()
        if progress.words != told:
            told = progress.words
            click.echo(f"{pool}: {told}", err=progress.failed)
        if progress.done or progress.failed:
            return OK if progress.done else FAILED
        if time.monotonic() >= end:
            click.echo(f"{pool}: gave up waiting after {seconds:g} s; it goes on", err=True)
            return FAILED
        time.sleep(_LOOK_SECONDS)


def _list_pods(cluster: Cluster, pool: str) -> list[dict[str, object]]:
    selector = ",".join(f"{k}={v}" for k, v in sorted(names.make_selector(pool).items()))
    return cluster.list(PODS, selector=selector)


def _no_pool(cluster: Cluster, pool: str, graphs: list[dict[str, object]]) -> str:
    known = sorted({str(g["spec"]["capability"]) for g in graphs})  # type: ignore[index]
    there = f"it has: {', '.join(known)}" if known else "it has none; name another with -n"
    return f"namespace {cluster.namespace} has no pool {pool}; {there}"
