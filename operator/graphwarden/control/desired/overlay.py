"""Merging what a platform team adds to the pod template over what the operator makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from graphwarden.control.lists import find_item, find_keys

# Items of these lists are merged field by field; those of other named lists are replaced whole,
# since an env variable or a volume with two sources is not valid.
_MERGED_ITEMS: Final = frozenset({"containers", "initContainers"})


def merge_overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `over` over `base`: mappings merge, named items merge by name, null removes a field."""
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge_overlay(merged[key], value)
        elif isinstance(value, list) and isinstance(merged.get(key), list):
            merged[key] = merge_items(key, merged[key], value)
        else:
            merged[key] = value
    return merged


def merge_items(field: str, base: list[Any], over: list[Any]) -> list[Any]:
    """Lay one list over another: named items by name, in the order of `base`, new ones behind."""
    keys = find_keys(field, [*base, *over])
    if keys is None:
        return over
    merged = []
    for item in base:
        change = find_item(over, keys, item)
        if change is None:
            merged.append(item)
        else:
            merged.append(merge_overlay(item, change) if field in _MERGED_ITEMS else change)
    return merged + [item for item in over if find_item(base, keys, item) is None]
