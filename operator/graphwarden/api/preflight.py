"""What a worker that only tried to load its graphs leaves behind for the operator to read."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError

# The container's termination message ends at 4096 bytes (kubelet).
_SIZE_LIMIT_BYTES = 4000
_MESSAGE_LENGTH_LIMIT = 300

# The exit code of a worker that could not load every graph; others are accidents.
NOT_LOADED = 3


class Report(BaseModel):
    """The graphs that did not load, each with its reason and a sentence."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    not_loaded: dict[str, str] = Field(default_factory=dict)


def render_report(not_loaded: Mapping[str, str]) -> str:
    """JSON that fits into a termination message; texts are cut, and then graphs left out."""
    kept = {name: text[:_MESSAGE_LENGTH_LIMIT] for name, text in sorted(not_loaded.items())}
    while True:
        text = Report(not_loaded=kept).model_dump_json()
        if len(text.encode()) <= _SIZE_LIMIT_BYTES:
            return text
        kept.popitem()


def parse_report(text: str) -> Report | None:
    """The report in a termination message; None when it holds something else."""
    try:
        return Report.model_validate_json(text)
    except ValidationError:
        return None
