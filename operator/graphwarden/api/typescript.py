"""From the reasons of errors to the error classes of the TypeScript client.

`python -m graphwarden.api.typescript FILE` writes them; with `--check` it fails when they differ.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from graphwarden.api.errors import NOT_STARTED, list_reasons

_HEAD = """// Generated from the reasons of the servers' errors by `make generate`.

import { GraphwardenError } from "./error.js";
"""
_CLASS = """
/** The servers' reason `{reason}`. */
export class {reason}Error extends GraphwardenError {{
  override readonly name = "{reason}Error";
}}
"""


def render_errors() -> str:
    """The module: a class for each reason, their table, and which mean that nothing began."""
    reasons = list_reasons()
    classes = "".join(_CLASS.format(reason=reason) for reason in reasons)
    rows = "".join(f"  {reason}: {reason}Error,\n" for reason in reasons)
    unstarted = _render_lines(f'"{reason}"' for reason in reasons if reason in NOT_STARTED)
    return (
        f"{_HEAD}{classes}\n"
        "/** The class of each reason. */\n"
        f"export const ERRORS = {{\n{rows}}} as const;\n\n"
        "/** A reason that a server gives for an error. */\n"
        "export type Reason = keyof typeof ERRORS;\n\n"
        "/** With one of these nothing of the call has begun. */\n"
        f"export const NOT_STARTED: ReadonlySet<string> = new Set<Reason>([\n{unstarted}]);\n"
    )


def _render_lines(items: Iterable[str]) -> str:
    return "".join(f"  {item},\n" for item in items)


def main() -> int:
    """Write or check the module; 1 when it differs."""
    parser = argparse.ArgumentParser(prog="graphwarden.api.typescript", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    options = parser.parse_args()
    text = render_errors()
    if options.file.exists() and options.file.read_text() == text:
        return 0
    if options.check:
        print(f"out of date: {options.file}; run `make generate`", file=sys.stderr)
        return 1
    options.file.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
