"""The audit log of the local cluster: who asked the API server for what."""

from __future__ import annotations

import json
from typing import Any

from e2e.kube import HOME

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


def read_audit() -> list[dict[str, Any]]:
    """Every request so far, oldest first; a line that is being written is left out."""
    lines = (HOME / "run/log/audit.log").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
