"""What no schema says: for each field a value that means something, one that the children cannot
have, and which children show it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ALL_CHILDREN: Final = (
    "ServiceAccount",
    "ConfigMap",
    "NetworkPolicy",
    "Service",
    "Deployment",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
)


@dataclass(frozen=True)
class Hand:
    """Values for one field.

    `good` are taken and show in the children `shows`; `hard` are taken by the schema, and then
    either show there or are explained; `bad` are taken by the schema, and must be explained in a
    condition; `refused` are not taken, for a reason that is more than the schema's types. `base`
    is the spec around the field. `word` is what a message says, where that is not the name.
    """

    good: Mapping[str, Any] = field(default_factory=dict)
    hard: Mapping[str, Any] = field(default_factory=dict)
    bad: Mapping[str, Any] = field(default_factory=dict)
    refused: Mapping[str, Any] = field(default_factory=dict)
    shows: tuple[str, ...] = ()
    base: Mapping[str, Any] = field(default_factory=dict)
    word: str = ""
