"""A pod may be deleted while its program is still loading."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

PROGRAMS = {
    "graphwarden.worker": ["--registry=none.json", "--capability=x", "--port=0"],
    "graphwarden.router": ["--table=none.json", "--port=0"],
    "graphwarden.control": [],
}
# Loaded by each of them before its own handlers are there.
HEAVY = ("uvloop", "pydantic_core")


def catches_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_can_be_told_to_end_before_it_has_loaded_anything(
    program: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", program, *PROGRAMS[program]]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        try:
            while not catches_sigterm(process.pid):
                assert process.poll() is None, process.stderr and process.stderr.read()
            maps = Path(f"/proc/{process.pid}/maps").read_text()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert not [name for name in HEAVY if name in maps]
