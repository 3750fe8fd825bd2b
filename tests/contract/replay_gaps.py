"""What the transcripts leave out: headers of requests, and calls that were made in between.

Each gap is filled before the call that it is named after. Ids are those of the transcript.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from worker_process import until

_CANCELLED_THREAD = "01a20747-3e33-747b-9c8d-bb5a7787aab3"
_RUNS = f"/threads/{_CANCELLED_THREAD}/runs"
_CRON_THREAD = "01a20747-ebf8-77bd-9a9a-62d1270070dd"
_ASKED_THREAD = "3c87728d-de98-4c67-a019-967b3064fee2"
_ASKED_INTERRUPT = "5a095485d2456834dc3d70d85eab3d03"
_SLOW_RUN = f"{_RUNS}/01a20747-3e36-76be-b86b-aa2fa794f608"

_BROWSER = {"origin": "https://smith.langchain.com"}
_PREFLIGHT = {
    **_BROWSER,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,x-api-key,x-auth-scheme",
}
HEADERS: dict[str, dict[str, str]] = {
    "assistants_and_meta:29": _PREFLIGHT,
    "assistants_and_meta:30": {**_PREFLIGHT, "access-control-request-private-network": "true"},
    "assistants_and_meta:31": _BROWSER,
    "threads_state_history:25": {"prefer": "return=minimal"},
    "cancel_multitask_join_resume:3": {"last-event-id": "-1"},
    "cancel_multitask_join_resume:6": {"last-event-id": "-1"},
}
# The request of these is not in the transcript, only frames of the answer.
UNKNOWN_REQUESTS = {"protocol_v2:25", "protocol_v2:26"}


class Session(Protocol):
    """What a gap needs of the replay."""

    headers: dict[str, str]

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call with ids of the transcript; the value of the answer, with ours."""

    def bind(self, recorded: str, live: str) -> bool:
        """Remember which id of ours stands for one of the transcript."""

    def meanwhile(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something while the next call lasts."""

    async def events(self, method: str, path: str, **headers: str) -> list[dict[str, Any]]:
        """The frames of a stream."""


async def _start(session: Session, run: str, graph: str, **other: Any) -> None:
    body = {"assistant_id": graph, "input": {"foo": "x"}, **other}
    started = await session.ask("POST", _RUNS, body)
    session.bind(run, started["run_id"])


async def _start_slow(session: Session, run: str, **other: Any) -> None:
    """A run that has done its first node, and then waits."""
    before = await _count_of_log(session)
    await _start(session, run, "slow", **other)
    await _until_more(session, before)


async def _until_more(session: Session, before: int) -> None:
    async def is_more() -> bool:
        return await _count_of_log(session) > before

    await until(is_more)


async def _count_of_log(session: Session) -> int:
    """How often nodes wrote; 0 also while the thread changes hands between two pools."""
    state = await session.ask("GET", f"/threads/{_CANCELLED_THREAD}/state")
    return len(state.get("values", {}).get("log", []))


async def _cancel_a_run_in_a_queue(session: Session) -> None:
    thread = await session.ask("POST", "/threads", {})
    session.bind(_CANCELLED_THREAD, thread["thread_id"])
    streamed = {"stream_resumable": True, "stream_mode": ["values", "custom"]}
    await _start_slow(session, "01a20747-3e36-76be-b86b-aa2fa794f608", **streamed)
    await _start(session, "01a20747-460b-732d-857d-3e6d1f07468c", "echo")


async def _read_on_after_the_first_tick(session: Session) -> None:
    frames = await session.events("GET", f"{_SLOW_RUN}/stream", **{"last-event-id": "-1"})
    session.headers["last-event-id"] = frames[3]["id"]


async def _let_the_queue_end(session: Session) -> None:
    await session.ask("GET", f"{_RUNS}/01a20747-460b-732d-857d-3e6d1f07468c/join")


async def _until_gone(session: Session) -> None:
    async def is_gone() -> bool:
        run = await session.ask("GET", f"{_RUNS}/01a20747-6292-74cb-9010-71608cc761bf")
        return "run_id" not in run

    await until(is_gone)


async def _until_all_stopped(session: Session) -> None:
    async def have_stopped() -> bool:
        runs = await session.ask("GET", _RUNS)
        return not any(run["status"] in {"pending", "running"} for run in runs)

    await until(have_stopped)


async def _cancel_while_it_is_read(session: Session) -> None:
    run = "01a20747-87b8-74af-8e7f-438c1b2389bc"
    before = await _count_of_log(session)
    await _start(session, run, "slow", after_seconds=1)

    async def cancel() -> None:
        await _until_more(session, before)
        await session.ask("POST", f"{_RUNS}/{run}/cancel?wait=1", {})

    session.meanwhile(cancel())


async def _make_a_thread_for_crons(session: Session) -> None:
    thread = await session.ask("POST", "/threads", {})
    session.bind(_CRON_THREAD, thread["thread_id"])


async def _put_another_item(session: Session) -> None:
    await session.ask("PUT", "/store/items", {"namespace": ["b"], "key": "k", "value": {}})


async def _until_asked(session: Session) -> None:
    async def interrupts() -> Any:
        thread = await session.ask("GET", f"/threads/{_ASKED_THREAD}")
        return thread["status"] == "interrupted" and thread.get("interrupts")

    asked = await until(interrupts)
    session.bind(_ASKED_INTERRUPT, next(iter(asked.values()))[0]["id"])


async def _cancel_what_runs(session: Session) -> None:
    await session.ask("POST", "/runs/cancel", {"status": "all"})


GAPS: dict[str, Callable[[Session], Awaitable[None]]] = {
    "cancel_multitask_join_resume:1": _cancel_a_run_in_a_queue,
    "cancel_multitask_join_resume:4": _read_on_after_the_first_tick,
    "cancel_multitask_join_resume:7": _let_the_queue_end,
    "cancel_multitask_join_resume:13": lambda session: _start_slow(
        session, "01a20747-4c15-7646-a882-1313d95c952c"
    ),
    "cancel_multitask_join_resume:15": lambda session: _start_slow(
        session, "01a20747-56d8-76ab-931c-e9553b5c3eae"
    ),
    "cancel_multitask_join_resume:17": lambda session: _start_slow(
        session, "01a20747-6292-74cb-9010-71608cc761bf"
    ),
    "cancel_multitask_join_resume:18": _until_gone,
    "cancel_multitask_join_resume:19": lambda session: _start_slow(
        session, "01a20747-6e5a-775d-91c3-683a8b9dae0b"
    ),
    "cancel_multitask_join_resume:20": _until_all_stopped,
    "cancel_multitask_join_resume:21": _cancel_while_it_is_read,
    "store_crons_misc:11": _put_another_item,
    "store_crons_misc:14": _make_a_thread_for_crons,
    "protocol_v2:3": _until_asked,
    "protocol_v2:27": _cancel_what_runs,
}
