"""The vendor's JavaScript client, through a router over two pools."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from contract.fleet import Fleet

pytestmark = [pytest.mark.contract, pytest.mark.asyncio(loop_scope="module")]

_FOLDER = Path(__file__).parent / "javascript"


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script beside its installed packages, in a folder of its own."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not on this machine")
    folder = tmp_path_factory.mktemp("javascript")
    for path in _FOLDER.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        pytest.skip(f"the packages cannot be installed: {done.stderr[-300:]}")
    return folder / "check.mjs"


@pytest.mark.timeout(240)
async def test_the_javascript_client_reads_what_it_wrote(fleet: Fleet, script: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        "node",
        str(script),
        fleet.url,
        cwd=script.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, out.decode()[-2000:]
