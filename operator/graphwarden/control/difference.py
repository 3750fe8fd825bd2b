"""Whether a live object already says what we would apply. Pure.

Two questions, since server-side apply both sets and takes back fields: does every field that we
want stand in the live object, and do we own a field there that we no longer want?
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from graphwarden.api import names
from graphwarden.api.quantities import parse_quantity
from graphwarden.control.kinds import Manifest
from graphwarden.control.lists import find_item, find_keys

# Fields whose values are quantities: the API server may spell 0.5 as 500m.
_QUANTITY_PARENTS: Final = frozenset({"limits", "requests"})
_QUANTITY_FIELDS: Final = frozenset({"sizeLimit", "averageValue"})
# Plain booleans of the pod API, which the server leaves out when they are false.
_LEFT_OUT_WHEN_FALSE: Final = frozenset(
    {"hostNetwork", "hostPID", "hostIPC", "readOnly", "tty", "stdin", "stdinOnce"}
)
# What the API server makes of 0 and of an empty text in a pod, which stand for nothing there.
_DEFAULTS: Final[dict[str, object]] = {
    "failureThreshold": 3,
    "periodSeconds": 10,
    "successThreshold": 1,
    "timeoutSeconds": 1,
    "dnsPolicy": "ClusterFirst",
    "protocol": "TCP",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "scheme": "HTTP",
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
# Below these, lists are one value to the API server whatever their items have: whoever writes one
# writes all of it. They are those of a NetworkPolicy.
_ONE_VALUE: Final = frozenset({"ingress", "egress"})


def find_difference(desired: Manifest, live: Manifest) -> str | None:
    """The path of one field in which `live` is not what applying `desired` would make of it.

    Fields of others are no difference. None: applying would change nothing.
    """
    return _find_unequal(desired, live, ("",)) or _find_surplus(desired, live)


def _find_unequal(desired: Any, live: Any, path: tuple[str, ...]) -> str | None:
    if isinstance(desired, Mapping):
        if not isinstance(live, Mapping):
            return None if not desired and live is None else _spell(path)
        return _first(
            _find_unequal(value, live.get(key), (*path, key)) for key, value in desired.items()
        )
    if isinstance(desired, list):
        return _find_unequal_list(desired, live, path)
    return None if _is_equal(desired, live, path) else _spell(path)


def _find_unequal_list(desired: list[Any], live: Any, path: tuple[str, ...]) -> str | None:
    if not isinstance(live, list):
        return None if not desired and live is None else _spell(path)
    keys = find_keys(path[-1], desired) if _ONE_VALUE.isdisjoint(path) else None
    if keys is not None:
        return _first(
            _find_unequal(
                item, find_item(live, keys, item), (*path, "/".join(str(item[k]) for k in keys))
            )
            for item in desired
        )
    if len(desired) != len(live):
        return _spell(path)
    return _first(
        _find_unequal(ours, theirs, (*path, str(index)))
        for index, (ours, theirs) in enumerate(zip(desired, live, strict=True))
    )


def _is_equal(desired: Any, live: Any, path: tuple[str, ...]) -> bool:
    if live is None:
        return (
            desired is None
            or desired == ""
            or (desired is False and path[-1] in _LEFT_OUT_WHEN_FALSE)
        )
    if type(desired) is type(live) and desired == live:
        return True
    if path[-1] in _DEFAULTS and desired in (0, ""):
        return bool(live == _DEFAULTS[path[-1]])
    if path[-1] in _QUANTITY_FIELDS or (len(path) > 1 and path[-2] in _QUANTITY_PARENTS):
        quantity = _round_up(parse_quantity(desired))
        return quantity is not None and quantity == _round_up(parse_quantity(live))
    return False


def _round_up(quantity: Decimal | None) -> Decimal | None:
    """Thousandths, as the API server counts a pod's resources: it knows nothing smaller."""
    return None if quantity is None else quantity.scaleb(3).to_integral_value(ROUND_CEILING)


def _find_surplus(desired: Manifest, live: Manifest) -> str | None:
    for entry in live.get("metadata", {}).get("managedFields", ()):
        ours = entry.get("manager") == names.FIELD_MANAGER and entry.get("operation") == "Apply"
        if ours and not entry.get("subresource"):
            return _first(_walk_owned(entry.get("fieldsV1", {}), desired, ("",)))
    return None


def _walk_owned(
    fields: Mapping[str, Any], desired: Any, path: tuple[str, ...]
) -> Iterator[str | None]:
    """Follow a FieldsV1 tree (`f:name`, `k:{key}`, `v:value`, `.`) through the desired value."""
    for step, below in fields.items():
        tag, _, rest = step.partition(":")
        if tag == "f":
            child = desired.get(rest) if isinstance(desired, Mapping) else None
            present = isinstance(desired, Mapping) and rest in desired
        elif tag == "k" and isinstance(desired, list):
            child = _find_by_key(desired, json.loads(rest))
            present = child is not None
        else:
            continue
        here = (*path, rest)
        if present:
            yield from _walk_owned(below, child, here)
        else:
            yield _spell(here)


def _find_by_key(items: list[Any], key: dict[str, Any]) -> Any:
    # A key field that we leave to its default (protocol: TCP) is in the key, not in our item.
    return next(
        (i for i in items if isinstance(i, dict) and all(i.get(k, v) == v for k, v in key.items())),
        None,
    )


def _first(found: Any) -> str | None:
    return next((path for path in found if path is not None), None)


def _spell(path: tuple[str, ...]) -> str:
    return ".".join(path[1:]) or "(all)"
