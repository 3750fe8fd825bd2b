"""The process: event loop, listening socket, signals, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator

import uvicorn
import uvloop

from graphwarden.telemetry import logs
from graphwarden.telemetry.tracing import start_tracing
from graphwarden.worker.admission import count_threads
from graphwarden.worker.app import make_app
from graphwarden.worker.guards import NodeThreads, guard_forks, make_task
from graphwarden.worker.heap import settle
from graphwarden.worker.memory import find_limit
from graphwarden.worker.memory_guard import MemoryGuard
from graphwarden.worker.replacement import ExitCode
from graphwarden.worker.service import Service, make_service
from graphwarden.worker.settings import Settings
from graphwarden.worker.spans import Spans
from graphwarden.worker.watchdog import Watchdog

logger = logging.getLogger(__name__)

_CLOSE_SECONDS = 5


class _Server(uvicorn.Server):
    """uvicorn, with the signals left to us: draining comes before the end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal."""
        yield


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal ends the drain at once."""
    logs.configure(
        settings.log_format, service="graphwarden-worker", capability=settings.capability
    )
    # Its account of every plugin and dialect, at each start, tells nobody anything.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It logs whole URLs, and those of webhooks and models carry secrets.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if settings.app_dir is not None:
        sys.path.insert(0, str(settings.app_dir.resolve()))
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    threads = NodeThreads(count_threads(settings.concurrency), thread_name_prefix="node")
    loop.set_default_executor(threads)
    loop.set_task_factory(make_task)  # type: ignore[arg-type]  # generic, as the stub is not
    guard_forks(loop)
    spans = _make_spans(settings)
    service = make_service(settings, spans)
    service.graphs.on_quiet = settle
    server = _make_server(settings, service)
    stop = asyncio.Event()
    worn: list[ExitCode] = []

    def wear(code: ExitCode) -> None:
        worn.append(code)
        stop.set()

    watchdog = _make_watchdog(settings, service, wear)
    watchdog.start()
    serving = asyncio.create_task(server.serve())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await service.start()
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    clean = await _drain(service, loop) if stop.is_set() else True
    server.should_exit = True
    await serving
    await service.close()
    watchdog.stop()
    if spans is not None:
        await asyncio.to_thread(spans.tracing.close)
    logger.info("stopped", extra={"clean": clean})
    if not clean or worn or service.admission.lost:
        # Threads of stopped runs cannot be cancelled, and loop and interpreter would wait for them.
        logging.shutdown()
        os._exit(worn[0] if worn else 0)


def _make_spans(settings: Settings) -> Spans | None:
    tracing = start_tracing(settings.tracing, "graphwarden-worker", settings.capability)
    if tracing is None:
        return None
    from graphwarden.worker.outgoing import watch_calls

    # The spans of graphs, and of what they use, hang below ours.
    tracing.install()
    spans = Spans(tracing, settings.capability)
    watch_calls(spans)
    return spans


def _make_watchdog(
    settings: Settings, service: Service, wear: Callable[[ExitCode], None]
) -> Watchdog:
    limit = find_limit(settings.memory_limit_bytes)
    service.metrics.memory_limited(limit or 0)
    memory = None if limit is None else MemoryGuard(limit, service.runs, service.admission)
    return Watchdog(settings, service.metrics, service.admission, memory, wear)


async def _drain(service: Service, loop: asyncio.AbstractEventLoop) -> bool:
    again = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, again.set)
    draining = asyncio.create_task(service.drain())
    hurried = asyncio.create_task(again.wait())
    await asyncio.wait({draining, hurried}, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    if draining.done():
        return draining.result()
    draining.cancel()
    return False


def _make_server(settings: Settings, service: Service) -> _Server:
    return _Server(
        uvicorn.Config(
            make_app(service),
            host=settings.host,
            port=settings.port,
            http="httptools",
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_CLOSE_SECONDS,
        )
    )
