"""What a change of a condition looks like in `kubectl events`. Pure."""

from __future__ import annotations

from typing import Any, Final

from graphwarden.api import names
from graphwarden.api.conditions import DEGRADED, PROGRESSING, SCALING_ACTIVE, Loaded
from graphwarden.control.kinds import EVENT, Manifest

_CONTROLLER: Final = f"{names.GROUP}/operator"
_NOTE_LENGTH_LIMIT: Final = 1024  # events.k8s.io/v1 refuses longer notes
# States on the way to others: the condition shows them, an Event for each would be noise.
_SILENT_REASONS: Final = frozenset({Loaded.PENDING, Loaded.NOT_ACCEPTED})
_SILENT_KINDS: Final = frozenset({PROGRESSING, SCALING_ACTIVE})


def make_events(
    body: Manifest, status: dict[str, Any], *, now: str, instance: str, suffix: str
) -> list[Manifest]:
    """One Event for each condition that changed its status or reason against the live object.

    Args:
        body: the object as read, with the status it had.
        status: the status that is about to be written.
        now: RFC 3339 with microseconds.
        instance: the name of this operator's pod.
        suffix: makes the names of these Events unique.
    """
    live = (body.get("status") or {}).get("conditions") or []
    before = {(c.get("type"), c.get("status"), c.get("reason")) for c in live}
    changed: dict[tuple[str, str], dict[str, Any]] = {}
    for condition in status["conditions"]:
        key = (condition["type"], condition["status"], condition["reason"])
        if key not in before and _is_news(condition, first=not live):
            changed.setdefault((condition["reason"], condition["message"]), condition)
    return [
        _make_event(body, condition, now=now, instance=instance, suffix=f"{suffix}{index}")
        for index, condition in enumerate(changed.values())
    ]


def _is_news(condition: dict[str, Any], *, first: bool) -> bool:
    if condition["type"] in _SILENT_KINDS or condition["reason"] in _SILENT_REASONS:
        return False
    # A new object is not ready, and not degraded: that goes without saying.
    expected = condition["type"] in ("Ready", DEGRADED) and condition["status"] == "False"
    return not (first and expected)


def _make_event(
    body: Manifest, condition: dict[str, Any], *, now: str, instance: str, suffix: str
) -> Manifest:
    meta = body["metadata"]
    good = (condition["status"] == "True") != (condition["type"] == DEGRADED)
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"name": f"{meta['name'][:200]}.{suffix}", "namespace": meta["namespace"]},
        "eventTime": now,
        "reportingController": _CONTROLLER,
        "reportingInstance": instance[:128],
        "action": condition["type"],
        "reason": condition["reason"],
        "note": condition["message"][:_NOTE_LENGTH_LIMIT],
        "type": "Normal" if good else "Warning",
        "regarding": {
            "apiVersion": names.API_VERSION,
            "kind": body["kind"],
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta.get("uid", ""),
        },
    }
