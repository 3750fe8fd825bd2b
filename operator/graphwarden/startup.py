"""What every program does before it loads anything heavy."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def end_on_sigterm() -> None:
    """End at once when told to, until the program has a handler of its own.

    The first process of a container has no default handlers (pid_namespaces(7)): a SIGTERM that
    came while the imports run would be lost, and the pod would stay for its whole grace period.
    """
    signal.signal(signal.SIGTERM, _end)


def _end(_: int, __: FrameType | None) -> None:
    sys.exit(0)
