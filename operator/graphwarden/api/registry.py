"""The registry document: the rows a worker loads, from a ConfigMap or from a file."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RowRun(_Document):
    """Bounds of one run, in base units."""

    timeout_seconds: float = Field(900, gt=0)
    recursion_limit: int = Field(25, ge=1)
    max_concurrency: int = Field(10, ge=1)
    priority: int = 0
    retry: Literal["Never", "BeforeStart", "Resume"] = "BeforeStart"


class Row(_Document):
    """One graph, in LangGraph's own spelling. `builder_attr` is null for a precompiled graph."""

    assistant_id: str
    module: str
    compiled_attr: str = "graph"
    builder_attr: str | None = "build_graph"
    resumable: bool = False
    generation: int = 1
    context: dict[str, Any] = Field(default_factory=dict)
    run: RowRun = Field(default_factory=lambda: RowRun())
    # By which methods everybody may call it as a page; None: it is none.
    page_methods: tuple[str, ...] | None = None


class Registry(_Document):
    """All rows of one pool, sorted by assistant id."""

    version: Literal[1] = 1
    capability: str
    graphs: list[Row] = Field(default_factory=list)

    def to_json(self) -> str:
        """One text for one value: equal registries give equal bytes."""
        return json.dumps(
            self.model_dump(mode="json"), sort_keys=True, indent=1, ensure_ascii=False
        )
