"""`python -m bench.counted FILE MODULE ...`: that module as a program that can be counted.

At SIGUSR2 it writes to FILE how many tasks its event loop has; nobody else can know.
"""

from __future__ import annotations

import asyncio
import runpy
import signal
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Be that program."""
    place, module, *arguments = sys.argv[1:]

    def tell(*_: Any) -> None:
        # In the main thread, between two steps of the loop that runs there.
        Path(place).write_text(str(len(asyncio.all_tasks())))

    signal.signal(signal.SIGUSR2, tell)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
