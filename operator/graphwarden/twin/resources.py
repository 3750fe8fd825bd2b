"""Pieces that all resources are made of. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, Final

Resource = dict[str, Any]
Files = dict[str, Resource]

# Where the body's assistant is kept between two filters.
METADATA: Final = "graphwarden"
ASSISTANT_HEADER: Final = "x-assistant-id"
CONNECT_TIMEOUT: Final = "1s"

_UNSAFE = re.compile(r"[^0-9A-Za-z._-]")


def typed(kind: str, **fields: Any) -> Resource:
    """A message with its type, as `Any` is written in JSON."""
    return {"@type": f"type.googleapis.com/{kind}", **fields}


def respond(generation: int, *resources: Resource) -> Resource:
    """A discovery response."""
    return {"version_info": str(generation), "resources": list(resources)}


def follow(path: str, folder: str) -> Resource:
    """A source of configuration: a file that is replaced by renaming."""
    source = {"path": f"{folder}/{path}", "watched_directory": {"path": folder}}
    return {"resource_api_version": "V3", "path_config_source": source}


def seconds(value: float) -> str:
    """A duration; Envoy takes no more than nine decimals, and no exponent."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + "s"


def name_cluster(pool: str) -> str:
    """The cluster of a pool: names of files are made of it."""
    return _UNSAFE.sub("_", pool)


def answer(status: int, reason: str, detail: str) -> Resource:
    """A route's own answer: an error as every server here gives it, but for the trace id."""
    text = json.dumps({"detail": detail, "reason": reason}, ensure_ascii=False)
    return {"status": status, "body": {"inline_string": text}}
