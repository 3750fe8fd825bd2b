"""`python -m graphwarden.control`: run the operator, render what it would apply, or apply CRDs."""

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

    try:
        if options.command == "crds":
            return update_crds()
        from graphwarden.control.program import run

        run(settings)
    except (NoClusterError, SettingsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def update_crds() -> int:
    """Apply the definitions of both resources and say what became of each."""
    import asyncio

    from graphwarden.control.cluster import ApiError, connect, explain
    from graphwarden.control.crds import apply_crds

    async def update() -> list[str]:
        async with connect() as cluster:
            return await apply_crds(cluster)

    try:
        print("\n".join(asyncio.run(update())))
    except (ApiError, OSError) as error:
        print(f"error: the definitions could not be applied: {explain(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
