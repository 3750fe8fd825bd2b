"""`python -m graphwarden.control`: run the operator, or render what it would apply."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from graphwarden.startup import end_on_sigterm


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and do what it says; kopf and the client are loaded after that."""
    end_on_sigterm()
    from graphwarden.control.settings import SettingsError, parse_command_line, parse_settings

    options = parse_command_line(arguments)
    try:
        settings = parse_settings(options)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.command == "render":
        from graphwarden.control.render import RenderError, render

        try:
            sys.stdout.write(render(options.manifests, settings))
        except RenderError as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    from graphwarden.control.cluster import NoClusterError
    from graphwarden.control.program import run

    try:
        run(settings)
    except NoClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
