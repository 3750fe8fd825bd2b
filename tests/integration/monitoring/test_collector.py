"""The collector's configuration of the documentation, in an OpenTelemetry Collector."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from contract.fleet import Fleet, running_fleet
from e2e.kube import skip
from otlp_receiver import Receiver, running_receiver
from trace_trees import make_tree
from worker_process import free_port, make_row

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "docs/collector.yaml"
SOURCE = Path(__file__).with_name("collector")
POOLS = {"tests": [make_row("echo"), make_row("failing")]}
_SECONDS_FOR_A_COLD_BUILD = 1200

pytestmark = [
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(_SECONDS_FOR_A_COLD_BUILD),
]


@pytest.fixture(scope="module")
def collector() -> Path:
    """A collector with the parts that the configuration names, built by Go; fresh ones stay."""
    if shutil.which("go") is None:
        skip("no Go, which builds the collector")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    program = cache / "graphwarden" / "collector"
    command = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(program), "."]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint(
    collector: Path, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """Where a collector listens that hands on to the receiver, and of the rest keeps nothing."""
    log = tmp_path_factory.mktemp("collector") / "log"
    async with running_collector(
        collector, log, BACKEND_ENDPOINT=receiver.endpoint, DECISION_WAIT="1s", KEPT_PERCENT="0"
    ) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    database = f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}"
    async with running_fleet(
        folder, POOLS, database_url=database, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint
    ) as running:
        yield running


@asynccontextmanager
async def running_collector(program: Path, log: Path, **environment: str) -> AsyncIterator[str]:
    address = f"127.0.0.1:{free_port()}"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            program, f"--config={CONFIG}",
            env={**os.environ, "OTLP_HTTP_ENDPOINT": address, **environment},
            stdout=output, stderr=output,
        )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}") as http:
            while not await _listens(http):
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield f"http://{address}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listens(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/v1/traces")).status_code == 405
    except httpx.TransportError:
        return False


async def until(holds: Callable[[], Any]) -> None:
    """Until it is true, within a generous time."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.05)


async def send_span(endpoint: str, name: str, seconds: float) -> str:
    """A span that ends now, as any program sends it; its trace."""
    trace, now = os.urandom(16), time.time_ns()
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    attribute = group.resource.attributes.add(key="service.name")
    attribute.value.string_value = "tests"
    group.scope_spans.add().spans.add(
        trace_id=trace, span_id=os.urandom(8), name=name,
        start_time_unix_nano=now - int(seconds * 1e9), end_time_unix_nano=now,
    )  # fmt: skip
    headers = {"content-type": "application/x-protobuf"}
    async with httpx.AsyncClient() as http:
        sent = await http.post(
            f"{endpoint}/v1/traces", content=request.SerializeToString(), headers=headers
        )
    assert sent.is_success, sent.text
    return trace.hex()


async def run(fleet: Fleet, assistant: str) -> str:
    answer = await fleet.router.http.post(
        "/runs/wait", json={"assistant_id": assistant, "input": {"foo": "x"}}
    )
    return answer.headers["x-trace-id"]


async def test_the_configuration_is_right_with_nothing_but_a_backend(collector: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "BACKEND_ENDPOINT": "http://backend:4318"}
    command = [collector, "validate", f"--config={CONFIG}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr


async def test_the_trace_of_a_failed_run_is_kept_whole_and_that_of_a_good_one_is_not(
    fleet: Fleet, receiver: Receiver
) -> None:
    good = await run(fleet, "echo")
    failed = await run(fleet, "failing")
    await until(lambda: len(receiver.of(failed)) >= 6)
    assert make_tree(receiver.of(failed)) == [
        "POST /runs/wait",
        "  POST",
        "    POST /runs/wait",
        "      invoke_workflow failing",
        "        invoke_node b",
        "        invoke_node fails",
    ]
    assert {span["capability"] for span in receiver.of(failed)} == {None, "tests"}
    assert receiver.of(good) == []


async def test_slow_traces_and_those_that_sent_a_mail_are_kept(
    endpoint: str, receiver: Receiver
) -> None:
    quick = await send_span(endpoint, "GET", 1)
    slow = await send_span(endpoint, "GET", 31)
    mail = await send_span(endpoint, "smtp send", 0.1)
    await until(lambda: receiver.of(slow) and receiver.of(mail))
    assert receiver.of(quick) == []
