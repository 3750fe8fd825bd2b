"""Prometheus' own `promtool`: the machine's, or Debian's, unpacked into a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_SECONDS = 120
_UNPACKED = Path(tempfile.gettempdir()) / "graphwarden-promtool"


def find_promtool() -> str | None:
    """The program, or None where it is not to be had."""
    found = shutil.which("promtool")
    if found is not None:
        return found
    program = _UNPACKED / "usr/bin/promtool"
    if not program.exists() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        _unpack()
    return str(program) if os.access(program, os.X_OK) else None


def _unpack() -> None:
    """Fetch the package and unpack it; nothing is installed, and no service is started."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            # apt drops its rights for the download, and must be able to write there.
            Path(folder).chmod(0o777)
            command = ["apt-get", "download", "-q", "prometheus"]
            subprocess.run(command, cwd=folder, timeout=_SECONDS, check=True, capture_output=True)
            (package,) = Path(folder).glob("*.deb")
            fresh = Path(tempfile.mkdtemp(prefix="graphwarden-promtool-"))
            subprocess.run(["dpkg-deb", "-x", str(package), str(fresh)], check=True)
            fresh.rename(_UNPACKED)
        except (subprocess.SubprocessError, OSError, ValueError):
            # Without a network, a package list or the right version: the test says it is missing.
            return
