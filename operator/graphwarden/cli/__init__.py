"""`graphwarden`: run, check and call a fleet; `kubectl graphs` is in `plugin`.

Exit codes: 0 done, 1 the run failed or the manifests have mistakes, 2 wrong usage, 3 nothing
answers, 4 the server refused.
"""

from __future__ import annotations

import sys

OK, FAILED, USAGE, UNREACHABLE, REFUSED = range(5)


def main() -> None:
    """Entry point of the script."""
    try:
        from graphwarden.cli.commands import cli
    except ModuleNotFoundError as error:
        print(
            f"graphwarden: {error.name} is not installed; the command line needs the extra "
            "`local`: pip install 'graphwarden[local]'",
            file=sys.stderr,
        )
        sys.exit(USAGE)
    cli()
