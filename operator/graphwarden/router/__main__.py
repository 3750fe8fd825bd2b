"""`python -m graphwarden.router`."""

from __future__ import annotations

import sys

from graphwarden.router.settings import parse_settings


def main() -> None:
    """Parse first: `--help` loads nothing that serves."""
    settings = parse_settings(sys.argv[1:])
    from graphwarden.router.server import serve

    serve(settings)


if __name__ == "__main__":
    main()
