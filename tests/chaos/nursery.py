"""A process that has loaded all that a worker needs, and forks one worker for each line it reads.

A worker of its own start-up takes a second; a thousand of them on two cores take most of the time
there is. What is forked is the whole worker: command line, sockets, database and all.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import traceback

_SET_PARENT_DEATH_SIGNAL = 1
_LOADED = (
    "langgraph.graph",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.auto",
    "graphwarden.worker.server",
    "graphwarden.worker.storage.migrate",
)


def main() -> None:
    """Read `{"name": ..., "log": ..., "arguments": [...]}` lines, answer each with a pid."""
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    for name in _LOADED:
        importlib.import_module(name)
    # The kernel buries them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become_worker(order)
        print(pid, flush=True)


def _become_worker(order: dict[str, str]) -> None:
    from graphwarden.worker import guards

    # No worker outlives the harness, however that ends.
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    os.environ["CHAOS_WORKER"] = order["name"]
    sys.argv = ["graphwarden.worker", *order["arguments"]]
    # It takes itself for a copy of the process that loaded it, and would end.
    guards._worker = os.getpid()
    code = 1
    try:
        from graphwarden.worker.__main__ import main as work

        work()
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
