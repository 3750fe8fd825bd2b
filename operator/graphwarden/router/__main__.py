"""`python -m graphwarden.router`."""

from __future__ import annotations

import sys

from graphwarden.startup import end_on_sigterm


def main() -> None:
    """Parse first: `--help` loads nothing that serves."""
    end_on_sigterm()
    from graphwarden.router.settings import parse_settings

    settings = parse_settings(sys.argv[1:])
    from graphwarden.router.server import serve

    serve(settings)


if __name__ == "__main__":
    main()
