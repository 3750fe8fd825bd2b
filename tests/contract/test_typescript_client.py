"""The TypeScript client, in Node and in a browser, through a router over two pools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from contract.fleet import Fleet, running_fleet
from contract.typescript_readme import make_program
from graphwarden.local.folder import load_folder
from node_packages import install_packages, run_node
from worker_process import make_row, running_worker

pytestmark = [pytest.mark.contract, pytest.mark.asyncio(loop_scope="module")]

_ROOT = Path(__file__).parents[2]
_CLIENT = _ROOT / "clients" / "typescript"
_BROWSER = _ROOT / "tests" / "browser"
_STRICT = (
    *("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes"),
    *("--target", "ES2022", "--module", "NodeNext", "--types", "node"),
)
_ROWS = {
    "left": [
        *(make_row(name) for name in ("echo", "failing", "toned", "chat", "parent")),
        make_row("asking", resumable=True),
    ],
    "right": [
        make_row("kept", "build_echo", resumable=True),
        make_row("kept_slow", "build_slow", resumable=True),
        make_row("parking", "build_graph", module="flows.parking", resumable=True),
    ],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    database = f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}"
    async with running_fleet(
        folder, _ROWS, database_url=database, workers={"right": 2}, GRAPHWARDEN_TRACES_KEPT="100"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Path:
    """The folder of the client: formatted, built, and right by its own tests."""
    install_packages(_CLIENT, "lint", "test")
    return _CLIENT


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sales(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a worker with all graphs of this repository."""
    folder = tmp_path_factory.mktemp("sales")
    database = f"sqlite+aiosqlite:///{folder / 'fleet.sqlite'}"
    flags = ("--database-url", database, "--app-dir", str(_ROOT))
    sales_database = f"sqlite:///{folder / 'sales.sqlite'}"
    pools = load_folder(_ROOT / "graphs").fleet.pools.values()
    rows = [row.model_dump(mode="json") for pool in pools for row in pool.registry.graphs]
    async with running_worker(
        folder, rows, *flags, settle=False, SALES_DATABASE_URL=sales_database
    ) as worker:
        async with asyncio.timeout(120):
            while any(g["reason"] == "Pending" for g in (await worker.graphs()).values()):
                await asyncio.sleep(0.1)
        yield worker.url


@pytest.mark.timeout(900)
async def test_the_client_keeps_its_promises_to_a_real_fleet(fleet: Fleet, client: Path) -> None:
    await run_node("--test", "dist/test/fleet/fleet.test.js", cwd=client, GRAPHWARDEN_URL=fleet.url)


@pytest.mark.timeout(900)
async def test_the_client_works_in_a_browser_on_another_origin(fleet: Fleet, client: Path) -> None:
    install_packages(_BROWSER)
    await run_node("client.mjs", fleet.url, str(client), cwd=_BROWSER)


@pytest.mark.timeout(900)
async def test_the_examples_of_the_readme_run_with_the_types_of_our_own_graphs(
    sales: str, client: Path
) -> None:
    program = client / "dist" / "readme"
    program.mkdir(exist_ok=True)
    (program / "readme.ts").write_text(make_program(client / "README.md"))
    types = ("dist/bin/graphwarden-types.js", "--url", sales, "--out", str(program / "graphs.ts"))
    await run_node(*types, cwd=client)
    compiler = ("node_modules/typescript/bin/tsc", "--ignoreConfig", *_STRICT)
    await run_node(*compiler, str(program / "readme.ts"), cwd=client)
    told = await run_node(str(program / "readme.js"), cwd=client, GRAPHWARDEN_URL=sales)
    for line in ("info_request", "waiting 1", "Unsubscribed", "true true", "is not resumable"):
        assert line in told
