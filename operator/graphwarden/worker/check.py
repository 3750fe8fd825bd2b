"""`python -m graphwarden.worker.check`: load every graph of the registry once, and say which fail.

Run with a new image before that image rolls out. It opens no port and no database; exit code 0
means that every graph loads, 3 that some do not.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from graphwarden.startup import end_on_sigterm

if TYPE_CHECKING:
    from graphwarden.worker.settings import Settings

_TERMINATION_LOG = Path("/dev/termination-log")
_SECONDS_FOR_A_GRAPH = 120.0


async def find_failures(settings: Settings) -> dict[str, str]:
    """The graphs that do not load, by assistant id, each with reason and sentence."""
    from langgraph.checkpoint.memory import InMemorySaver

    from graphwarden.api.registry import Registry
    from graphwarden.worker.loader import LoadFailure, LoadReason, load_graph

    registry = Registry.model_validate_json(settings.registry.read_text())
    saver = InMemorySaver() if settings.database_url else None
    failures: dict[str, str] = {}
    for row in registry.graphs:
        try:
            async with asyncio.timeout(_SECONDS_FOR_A_GRAPH):
                await load_graph(row, saver)
        except LoadFailure as failure:
            failures[row.assistant_id] = f"{failure.reason}: {failure.message}"
        except TimeoutError:
            message = f"{LoadReason.PENDING}: not loaded after {_SECONDS_FOR_A_GRAPH:g} s"
            failures[row.assistant_id] = message
    return failures


def main() -> None:
    """Check, print what does not load, and leave it where the kubelet reads it."""
    end_on_sigterm()
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    from graphwarden.api.preflight import NOT_LOADED, render_report
    from graphwarden.worker.settings import parse_settings

    settings = parse_settings(sys.argv[1:])
    if settings.app_dir is not None:
        sys.path.insert(0, str(settings.app_dir.resolve()))
    failures = asyncio.run(find_failures(settings))
    for name, text in sorted(failures.items()):
        print(f"{name}: {text}", file=sys.stderr)
    if os.access(_TERMINATION_LOG, os.W_OK):
        _TERMINATION_LOG.write_text(render_report(failures))
    sys.stderr.flush()
    # An import that never ends sits in a thread, and an ordinary exit might wait for others.
    os._exit(NOT_LOADED if failures else 0)


if __name__ == "__main__":
    main()
