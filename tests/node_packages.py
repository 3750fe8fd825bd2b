"""Node, and packages of npm, for the tests. Import it by name (`import node_packages`)."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

_OLDEST = 20
# A copy of the lock whose packages are here; `npm ci` takes it away with the rest.
_INSTALLED = "node_modules/.installed-lock.json"
# On a clean and busy machine.
_SECONDS = 400.0


def install_packages(folder: Path, *scripts: str) -> None:
    """Install what the folder's lock names, and run its scripts, which have to end well.

    Skips where there is no Node, or no way to the packages; in CI nothing is skipped.
    """
    npm = shutil.which("npm")
    if npm is None or _find_version() < _OLDEST:
        _give_up(f"Node {_OLDEST} or newer is not on this machine")
    # Several test processes may want the same folder.
    with (folder / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        lock, installed = (folder / "package-lock.json").read_bytes(), folder / _INSTALLED
        if not installed.exists() or installed.read_bytes() != lock:
            done = _run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
            if done.returncode:
                _give_up(f"the packages of {folder} cannot be installed: {_tell(done)}")
            installed.write_bytes(lock)
        for script in scripts:
            done = _run([npm, "run", "--silent", script], folder)
            assert done.returncode == 0, _tell(done)


async def run_node(*arguments: str, cwd: Path, **environment: str) -> str:
    """What a program prints, which has to end well."""
    process = await asyncio.create_subprocess_exec(
        "node",
        *arguments,
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, out.decode()[-8000:]
    return out.decode()


def _find_version() -> int:
    node = shutil.which("node")
    if node is None:
        return 0
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return int(told.removeprefix("v").split(".")[0])


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
    )


def _tell(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr)[-8000:]


def _give_up(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
