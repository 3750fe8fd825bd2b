"""Whether the watches still see: what a list shows, an event must have brought. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from graphwarden.control.kinds import Manifest

_BLIND_AFTER_SECONDS: Final = 60.0


@dataclass
class Sight:
    """GraphSpecs as events brought them, against GraphSpecs as lists show them, by uid."""

    _seen: dict[str, str] = field(default_factory=dict)
    _missed: dict[str, tuple[str, float]] = field(default_factory=dict)

    def note_event(self, body: Manifest, *, deleted: bool) -> None:
        """A watch brought this object."""
        uid = body["metadata"].get("uid", "")
        self._missed.pop(uid, None)
        if deleted:
            self._seen.pop(uid, None)
        else:
            self._seen[uid] = body["metadata"].get("resourceVersion", "")

    def note_list(self, bodies: Iterable[Manifest], now: float) -> None:
        """A list showed these objects at `now`, in seconds of a monotonic clock."""
        listed = {b["metadata"]["uid"]: b["metadata"].get("resourceVersion", "") for b in bodies}
        missed: dict[str, tuple[str, float]] = {}
        for uid, version in listed.items():
            if self._seen.get(uid) != version:
                known = self._missed.get(uid)
                missed[uid] = known if known and known[0] == version else (version, now)
        self._missed = missed

    def find_blindness(self, now: float) -> str | None:
        """A sentence when an object stayed unseen for more than a minute; None: all is seen."""
        for uid, (version, since) in self._missed.items():
            if now - since > _BLIND_AFTER_SECONDS:
                return (
                    f"no watch brought GraphSpec {uid} at version {version} for {now - since:.0f} s"
                )
        return None
