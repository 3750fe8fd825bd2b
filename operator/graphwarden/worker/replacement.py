"""A worker that cannot serve any more ends, and whoever started it starts another."""

from __future__ import annotations

import logging
import os
import sys
from enum import IntEnum


class ExitCode(IntEnum):
    """Why the process ended by itself. Kept apart from Python's own and from signals."""

    LOOP_BLOCKED = 71
    MEMORY = 72
    THREADS_LOST = 73


def end_now(code: ExitCode) -> None:
    """End without a goodbye. Runs on threads stay `running` in the database and are taken over."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)
