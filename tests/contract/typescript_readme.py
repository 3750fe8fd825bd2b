"""The TypeScript client's README as one program."""

from __future__ import annotations

import re
from pathlib import Path

_BLOCK = re.compile(r"^```ts\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def make_program(readme: Path) -> str:
    """All examples, in the order of the page: each goes on from those before it."""
    return "\n".join(_BLOCK.findall(readme.read_text()))
