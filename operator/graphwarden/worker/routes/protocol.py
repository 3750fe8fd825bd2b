"""The thread protocol, version 2: commands, and an endless stream of a thread's events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from graphwarden.telemetry import logs
from graphwarden.worker.encoding import dumps
from graphwarden.worker.errors import ApiError
from graphwarden.worker.protocol.channels import Subscription, parse_subscription
from graphwarden.worker.protocol.commands import (
    Command,
    Malformed,
    Refused,
    make_resumption,
    make_start,
    parse_command,
    parse_response,
    refuse,
    render_error,
    render_success,
)
from graphwarden.worker.protocol.frames import Framer, find_event
from graphwarden.worker.routes.bodies import (
    answer_json,
    get_service,
    parse_thread_id,
    read_json,
    read_object,
)
from graphwarden.worker.routes.runs import make_order
from graphwarden.worker.service import Service
from graphwarden.worker.sse import render_event
from graphwarden.worker.tails import TailAnswer
from graphwarden.worker.thread_tails import require_readers_welcome, tail_thread
from graphwarden.worker.threads import Thread

if TYPE_CHECKING:
    from graphwarden.worker.storage.events import StoredEvent

# Clients take a stream for open when the first bytes are there.
_OPEN = b": open\r\n\r\n"


async def command(request: Request) -> Response:
    """`POST /threads/{thread_id}/commands`: start a run, answer an interrupt."""
    service = get_service(request)
    thread_id = parse_thread_id(request.path_params["thread_id"])
    logs.bind(thread_id=thread_id)
    try:
        asked = parse_command(await read_json(request))
    except Malformed as malformed:
        return answer_json(render_error(None, "invalid_argument", str(malformed)), 400)
    try:
        result = await _obey(service, thread_id, asked)
    except Refused as refused:
        return answer_json(render_error(asked.number, refused.error, str(refused)))
    except ApiError as error:
        # Another pool or a later time can do it; all else is the client's to hear in its envelope.
        if error.status == 421 or error.status >= 500:
            raise
        return answer_json(render_error(asked.number, "invalid_argument", error.detail))
    return answer_json(render_success(asked.number, result))


async def stream(request: Request) -> ASGIApp:
    """`POST /threads/{thread_id}/stream/events`: its events, also before there is a thread."""
    service = get_service(request)
    thread_id = parse_thread_id(request.path_params["thread_id"])
    logs.bind(thread_id=thread_id)
    wanted = parse_subscription(await read_object(request))
    require_readers_welcome(service)
    pieces = _follow(service, thread_id, wanted)
    return TailAnswer(pieces, {}, service.settings.heartbeat_seconds)


async def _obey(service: Service, thread_id: str, asked: Command) -> dict[str, Any]:
    if not isinstance(asked.params, dict):
        raise Refused("invalid_argument", "params must be an object.")
    match asked.method:
        case "run.start":
            thread = await _fetch_thread(service, thread_id)
            waits = thread is not None and thread.status == "interrupted"
            body = make_start(asked.params, waits=waits)
            return {"run_id": await _enqueue(service, thread_id, body)}
        case "input.respond":
            await _respond(service, thread_id, asked.params)
            return {}
        case "agent.getTree":
            await _refuse_tree(service, thread_id)
    raise refuse(asked)


async def _respond(service: Service, thread_id: str, params: dict[str, Any]) -> None:
    response = parse_response(params)
    thread = await _fetch_thread(service, thread_id)
    waiting = _list_waiting(thread)
    for name in response.answers:
        if thread is None or name not in waiting:
            message = f"Unknown or already-consumed interrupt: {name}"
            raise Refused("no_such_interrupt", message)
    metadata = thread.metadata if thread is not None else {}
    assistant_id = metadata.get("assistant_id") or metadata.get("graph_id") or ""
    await _enqueue(service, thread_id, make_resumption(response, assistant_id))


async def _refuse_tree(service: Service, thread_id: str) -> None:
    if await service.require_storage().runs.list_open(thread_id=thread_id):
        message = "the tree of a run is not kept; its lifecycle events tell of its subgraphs"
        raise Refused("not_supported", message)
    raise Refused("no_such_run", "No active run is bound to this thread.")


async def _enqueue(service: Service, thread_id: str, body: dict[str, Any]) -> str:
    engine = service.require_engine()
    run = await engine.enqueue(await make_order(service, body, thread_id))
    logs.bind(run_id=run.run_id)
    return run.run_id


async def _fetch_thread(service: Service, thread_id: str) -> Thread | None:
    return await service.require_storage().records.fetch_thread(thread_id)


def _list_waiting(thread: Thread | None) -> set[str]:
    groups = thread.interrupts.values() if thread is not None else ()
    return {interrupt["id"] for group in groups for interrupt in group}


async def _follow(service: Service, thread_id: str, wanted: Subscription) -> AsyncIterator[bytes]:
    """The frames of a thread: those that are stored, then each as it comes."""
    storage = service.require_storage()
    framer = Framer()
    yield _OPEN
    # What a run's frames are follows from its first event on: earlier runs need not be read.
    after = await storage.events.find_start(thread_id, find_event(wanted.since)) - 1
    async for stored in tail_thread(service, thread_id, after):
        pieces = []
        for item in stored:
            if not framer.knows(item.run_id):
                run = await storage.runs.find_run(item.run_id)
                framer.name(item.run_id, run.graph_id if run is not None else "")
            pieces += _render(framer, item, wanted)
        yield b"".join(pieces)


def _render(framer: Framer, item: StoredEvent, wanted: Subscription) -> list[bytes]:
    data = orjson.loads(item.data)
    frames = framer.frame(item.seq, item.run_id, item.event, data, item.timestamp)
    return [
        render_event(frame.method, dumps(frame.to_json()), str(frame.seq))
        for frame in frames
        if wanted.takes(frame)
    ]


ROUTES = [
    Route("/threads/{thread_id}/commands", command, methods=["POST"]),
    Route("/threads/{thread_id}/stream/events", stream, methods=["POST"]),
]
