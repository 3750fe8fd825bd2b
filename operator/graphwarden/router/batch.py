"""`POST /runs/batch` over several pools: each is sent its own elements, the answer is in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from graphwarden.api.errors import Reason
from graphwarden.router.address import check_callable, find_assistant
from graphwarden.router.directory import Directory
from graphwarden.router.errors import RouterError
from graphwarden.router.guard import check
from graphwarden.router.pools import Pools
from graphwarden.router.records import Records, Reply
from graphwarden.router.request import Request
from graphwarden.router.routing import AssistantField
from graphwarden.telemetry.trace import TraceContext


async def run_batch(
    request: Request, pools: Pools, records: Records, directory: Directory, trace: TraceContext
) -> Reply:
    """The answer to the whole batch.

    Raises:
        RouterError: 422 naming the element when one cannot be sent anywhere; nothing was started.
            Where a pool refused, its answer, or 502 when another had accepted its part.
    """
    elements = _split(await request.body.read())
    parts: dict[str, list[int]] = {}
    for index, element in enumerate(elements):
        pool = await _find_pool(index, element, request, pools, directory, trace)
        parts.setdefault(pool, []).append(index)
    if not parts:
        return Reply(200, b"[]", {"content-type": "application/json"})
    answers = await asyncio.gather(
        *(
            records.ask(request, _join([elements[i] for i in ours]), trace, pool=pool)
            for pool, ours in parts.items()
        ),
        return_exceptions=True,
    )
    return _merge(len(elements), list(parts.items()), answers)


def _split(body: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except msgspec.ValidationError as error:
        detail = "the body must be a JSON array of runs"
        raise RouterError(422, Reason.INVALID_REQUEST, detail) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RouterError(
            400, Reason.INVALID_JSON, f"the body is not valid JSON: {error}"
        ) from error


async def _find_pool(
    index: int,
    element: bytes,
    request: Request,
    pools: Pools,
    directory: Directory,
    trace: TraceContext,
) -> str:
    try:
        named = msgspec.json.decode(element, type=AssistantField).assistant_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RouterError(422, Reason.INVALID_REQUEST, f"run {index}: {error}") from error
    if not named:
        detail = f'run {index}: "assistant_id" is a required property: name the graph to run'
        raise RouterError(422, Reason.MISSING_ASSISTANT_ID, detail)
    try:
        name, route = find_assistant(pools.current, await directory.find(named, request, trace))
        check(request.caller, name)
        check_callable(name, route)
    except RouterError as error:
        status = 422 if error.status == 404 else error.status
        detail = f"run {index}: {error.detail}"
        raise RouterError(status, error.reason, detail, error.headers) from error
    return route.pool


def _join(elements: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(elements) + b"]"


def _merge(
    count: int,
    parts: Sequence[tuple[str, list[int]]],
    answers: Sequence[Reply | BaseException],
) -> Reply:
    runs: list[bytes] = [b""] * count
    accepted: list[str] = []
    problems: list[tuple[str, Reply | RouterError]] = []
    for (pool, ours), answer in zip(parts, answers, strict=True):
        if isinstance(answer, Reply) and answer.status == 200:
            for index, run in zip(ours, _split(answer.body), strict=True):
                runs[index] = run
            accepted.append(f"runs {', '.join(map(str, ours))} were accepted by pool {pool}")
        elif isinstance(answer, Reply | RouterError):
            problems.append((f"runs {', '.join(map(str, ours))} were not, by pool {pool}", answer))
        else:
            raise answer
    if not problems:
        return Reply(200, _join(runs), {"content-type": "application/json"})
    first = problems[0][1]
    if not accepted and isinstance(first, RouterError):
        raise first
    if not accepted and isinstance(first, Reply):
        return first
    said = [f"{where}: {_describe(problem)}" for where, problem in problems]
    raise RouterError(502, Reason.PARTLY_STARTED, "; ".join([*accepted, *said]))


def _describe(problem: Reply | RouterError) -> str:
    if isinstance(problem, RouterError):
        return f"{problem.status} {problem.detail}"
    return f"{problem.status} {problem.body[:500].decode(errors='replace')}"
