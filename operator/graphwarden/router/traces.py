"""`/traces`: the runs and the spans that all workers keep, as one list and as one tree.

A caller whose key is for some assistants sees the runs of these and their spans; of a trace that
crosses other assistants, the rest is left out.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from graphwarden.api.errors import Reason
from graphwarden.router.access import Caller
from graphwarden.router.endpoints import ConnectFailed, Upstreams
from graphwarden.router.errors import RouterError
from graphwarden.router.pools import Pools
from graphwarden.router.request import Request
from graphwarden.telemetry.run_filters import FILTERS, InvalidFilter, parse_filters

if TYPE_CHECKING:
    from graphwarden.telemetry.pipeline import Store

Record = dict[str, Any]

_LOOK_SECONDS = 5.0
_PATH = re.compile(r"/traces/([0-9A-Fa-f]{32})")


def is_traces(path: str) -> bool:
    """Whether a path is of traces."""
    return path == "/traces" or path.startswith("/traces/")


class Traces:
    """Asks every worker for what it keeps."""

    def __init__(self, pools: Pools, upstreams: Upstreams, store: Store | None) -> None:
        self._pools = pools
        self._upstreams = upstreams
        self._store = store

    async def answer(self, request: Request) -> Record:
        """The answer to a look at the list or at one trace.

        Raises:
            RouterError: 404, 422.
        """
        if request.path == "/traces":
            return await self._list(request)
        found = _PATH.fullmatch(request.path)
        if found is None:
            detail = "a trace id has 32 hex digits: it stands in x-trace-id of every answer"
            raise RouterError(422, Reason.INVALID_REQUEST, detail)
        return await self._find(found[1].lower(), request.caller)

    async def _list(self, request: Request) -> Record:
        given = dict(parse_qsl(request.target.partition(b"?")[2].decode("latin-1")))
        try:
            wanted = parse_filters(given, datetime.now(UTC))
        except InvalidFilter as error:
            raise RouterError(422, Reason.INVALID_REQUEST, str(error)) from None
        query = urlencode({name: given[name] for name in FILTERS if given.get(name)})
        answers, missing = await self._ask(f"/traces?{query}")
        runs = [
            run
            for answer in answers
            for run in answer.get("runs", ())
            if request.caller.may_run(run.get("assistant_id") or "")
        ]
        runs.sort(key=lambda run: str(run["started_at"]), reverse=True)
        kept = any(answer.get("kept") for answer in answers)
        return {"kept": kept, "runs": runs[: wanted.limit], "missing": missing}

    async def _find(self, trace_id: str, caller: Caller) -> Record:
        answers, missing = await self._ask(f"/traces/{trace_id}")
        ours = self._store.find(trace_id)[0] if self._store is not None else []
        spans = [*ours, *(span for answer in answers for span in answer.get("spans", ()))]
        shown = [span for span, owner in find_owners(spans) if caller.may_run(owner)]
        if not shown:
            detail = (
                f"no worker keeps trace {trace_id}; they keep the last ones only, and none where "
                "GRAPHWARDEN_TRACES_KEPT is not set"
            )
            raise RouterError(404, Reason.NOT_FOUND, detail)
        shown.sort(key=lambda span: (str(span["started_at"]), str(span["span_id"])))
        left_out = sum(answer.get("left_out", 0) for answer in answers)
        return {"trace_id": trace_id, "spans": shown, "left_out": left_out, "missing": missing}

    async def _ask(self, target: str) -> tuple[list[Record], list[str]]:
        """What the workers answer, and the pools of those that did not."""
        table = self._pools.current
        places = sorted({(e, name) for name, pool in table.pools.items() for e in pool.endpoints})
        answers = await asyncio.gather(*(self._look(endpoint, target) for endpoint, _ in places))
        missing = {
            pool for (_, pool), answer in zip(places, answers, strict=True) if answer is None
        }
        return [answer for answer in answers if answer is not None], sorted(missing)

    async def _look(self, endpoint: str, target: str) -> Record | None:
        """A worker's answer, empty where it knows nothing; None: it could not be asked."""
        try:
            document = json.loads(await self._upstreams.fetch(endpoint, target, _LOOK_SECONDS))
        except (ConnectFailed, ValueError):
            return None
        return document if isinstance(document, dict) else None


def find_owners(spans: Iterable[Record]) -> list[tuple[Record, str]]:
    """Each span with the assistant that it is of: its own word for it, or that of a span above.

    `""` where none above it says one.
    """
    known = {span["span_id"]: span for span in spans}
    return [(span, _find_owner(span, known)) for span in known.values()]


def _find_owner(span: Record, known: Mapping[str, Record]) -> str:
    seen: set[str] = set()
    at: Record | None = span
    while at is not None and at["span_id"] not in seen:
        seen.add(at["span_id"])
        owner = at["attributes"].get("graphspec.assistant_id")
        if owner:
            return str(owner)
        at = known.get(at["parent_span_id"] or "")
    return ""
