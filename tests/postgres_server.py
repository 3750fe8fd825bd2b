"""A real PostgreSQL for the tests: `initdb` in a temporary folder, on a free loopback port.

Import it by name (`import postgres_server`): `tests` is on pytest's import path.
"""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PLACES = ("/usr/local/bin", "/usr/bin", *sorted(glob.glob("/usr/lib/postgresql/*/bin"))[::-1])


class PostgresMissing(Exception):
    """There is no PostgreSQL on this machine and none could be installed."""


def find_binaries() -> Path:
    """The folder of `initdb` and `postgres`; on Debian, root installs the package.

    Raises:
        PostgresMissing: with the reason, for the test to print.
    """
    found = _find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-y", "-q", "postgresql"], check=False)
        found = _find()
    if found is None:
        raise PostgresMissing(f"no initdb and postgres in {', '.join(_PLACES[:2])}")
    return found


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """A server for as long as the block lasts; gives the DSN of an empty database."""
    binaries = find_binaries()
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="graphwarden-postgres-"))
    if user is not None:
        shutil.chown(folder, user)
    data, port = folder / "data", _free_port()
    as_user = ["runuser", "-u", user, "--"] if user is not None else []
    try:
        _run([*as_user, str(binaries / "initdb"), "-D", str(data), "-U", "tests", "-A", "trust"])
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control = [*as_user, str(binaries / "pg_ctl"), "-D", str(data), "-w"]
        log = str(folder / "log")
        _run([*control, "-l", log, "-o", options, "start"])
        try:
            yield f"postgresql://tests@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find() -> Path | None:
    for place in _PLACES:
        if all(os.access(Path(place) / name, os.X_OK) for name in ("initdb", "postgres")):
            return Path(place)
    return None


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}")
