"""One condition before it has a time and a generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True)
class Finding:
    """The type of a condition, its status, and why, as a word and as a sentence."""

    kind: str
    status: Truth
    reason: str
    message: str
