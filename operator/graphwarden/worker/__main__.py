"""`python -m graphwarden.worker`."""

from __future__ import annotations

import os
import sys

from graphwarden.startup import end_on_sigterm


def main() -> None:
    """Read the settings and serve until told to stop."""
    end_on_sigterm()
    # Checkpoints may only name types that the graphs declare. LangGraph reads this when imported,
    # so it is set before anything that imports it.
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    from graphwarden.worker.settings import parse_settings

    settings = parse_settings(sys.argv[1:])
    from graphwarden.worker.server import serve

    serve(settings)


if __name__ == "__main__":
    main()
