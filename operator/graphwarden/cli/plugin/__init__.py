"""`kubectl graphs`: a fleet in a cluster, seen and handled with the caller's own rights.

Exit codes as of `graphwarden`: 0 done, 1 something is not as it should be or a run failed, 2 wrong
usage, 3 nothing answers, 4 the server refused.
"""

from __future__ import annotations

import sys

from graphwarden.cli import USAGE


def main() -> None:
    """Entry point of `kubectl-graphs`, which kubectl finds by its name."""
    try:
        from graphwarden.cli.plugin.commands import cli
    except ModuleNotFoundError as error:
        print(
            f"kubectl-graphs: {error.name} is not installed; the plugin needs the extra "
            "`local`: pip install 'graphwarden[local]'",
            file=sys.stderr,
        )
        sys.exit(USAGE)
    cli(prog_name="kubectl graphs", complete_var="_KUBECTL_GRAPHS_COMPLETE")


def complete() -> None:
    """Entry point of `kubectl_complete-graphs`, which kubectl asks for the next word."""
    from graphwarden.cli.plugin.completion import complete_words

    complete_words(sys.argv[1:])
