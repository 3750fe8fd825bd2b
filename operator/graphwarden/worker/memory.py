"""How much memory this process may use, how much it uses, and which run to end when it is too much.

Pure but for the readers of /proc and of the cgroup at the end.
"""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

# Above this share of the limit new runs are refused, below the other they are taken again.
_REFUSE_SHARE = 0.9
_ACCEPT_SHARE = 0.85
# The kernel ends the process at the cgroup's limit; this one acts before it.
_CGROUP_SHARE = 0.9


class Ledger:
    """What each run is charged: the growth of the process while it was seen at work.

    Python does not tell who allocates. Growth between two looks is shared by the runs that have
    threads at work or went on between them; a run that waits for a model is charged nothing.
    """

    def __init__(self) -> None:
        self._charges: dict[str, float] = {}
        self._last: int | None = None

    def note(self, used: int, at_work: Collection[str], in_flight: Collection[str]) -> None:
        """One look: the bytes in use, the runs at work, and all runs that have not ended."""
        grown = 0 if self._last is None else used - self._last
        self._last = used
        for gone in self._charges.keys() - set(in_flight):
            del self._charges[gone]
        for run_id in in_flight:
            self._charges.setdefault(run_id, 0.0)
        for run_id in at_work:
            if grown > 0 and run_id in self._charges:
                self._charges[run_id] += grown / len(at_work)

    def choose(self, spared: Collection[str]) -> str | None:
        """The run with the highest charge; of equals the newest. None where all are spared."""
        chosen: str | None = None
        for run_id, charge in self._charges.items():
            if run_id not in spared and (chosen is None or charge >= self._charges[chosen]):
                chosen = run_id
        return chosen


class Pressure:
    """Whether there is room for new runs: with a gap between no and yes, so that it holds."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.is_high = False

    def note(self, used: int) -> None:
        """One look."""
        share = _ACCEPT_SHARE if self.is_high else _REFUSE_SHARE
        self.is_high = used >= self.limit * share

    def is_over(self, used: int) -> bool:
        """Whether a run must end for it."""
        return used >= self.limit


def find_limit(asked: int | None) -> int | None:
    """The limit in bytes: the one asked for, else from the cgroup; None for none."""
    if asked is not None:
        return asked or None
    limit = _read_cgroup_limit()
    return int(limit * _CGROUP_SHARE) if limit is not None else None


def read_used() -> int | None:
    """The resident memory of this process; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def give_back() -> None:
    """Return what is free to the system; it counts as used until then."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _read_cgroup_limit(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int | None:
    places = [root / "memory.max", root / "memory/memory.limit_in_bytes"]
    with suppress(OSError):
        places += [
            root / line.split(":", 2)[2].lstrip("/") / "memory.max"
            for line in own.read_text().splitlines()
            if line.startswith("0::")
        ]
    found = []
    for place in places:
        # "max" for none; version 1 says it by a number near 2**63.
        with suppress(OSError, ValueError):
            found.append(int(place.read_text()))
    return min((limit for limit in found if limit < 2**60), default=None)
