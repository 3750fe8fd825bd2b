"""What the worker answers when it does not answer a result."""

from __future__ import annotations

from collections.abc import Mapping

from graphwarden.api.errors import (
    ASSISTANT_HEADER,
    NOT_STARTED_HEADER,
    WORKER_HEADER,
    Reason,
    unknown_assistant_detail,
)


class ApiError(Exception):
    """An HTTP answer that is not a result: status, a sentence, a reason, and headers."""

    def __init__(
        self, status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.headers = dict(headers or {})


def not_started(reason: str, detail: str) -> ApiError:
    """A refusal before anything ran: the router may send the same request elsewhere."""
    return ApiError(503, reason, detail, {"retry-after": "1", NOT_STARTED_HEADER: "true"})


def invalid(detail: str, reason: str = Reason.INVALID_REQUEST) -> ApiError:
    """422: the request can be read and cannot be served."""
    return ApiError(422, reason, detail)


def unsupported(field: str, explanation: str) -> ApiError:
    """422 for a field of the LangGraph API that is known and not served here.

    Accepting such a field and dropping it silently would change what a caller gets.
    """
    return ApiError(422, Reason.UNSUPPORTED_FIELD, f"`{field}` is not supported: {explanation}")


def unknown_assistant(assistant_id: str, known: list[str]) -> ApiError:
    """422 with the reference server's words: users match on the list of graphs."""
    detail = unknown_assistant_detail(assistant_id, known)
    return ApiError(422, Reason.UNKNOWN_ASSISTANT, detail)


def not_resumable(assistant_id: str) -> ApiError:
    """422: a thread would lose its state silently with a graph that has no checkpointer."""
    detail = f"graph '{assistant_id}' is not resumable; use /runs or set resumable: true"
    return ApiError(422, Reason.NOT_RESUMABLE, detail)


def thread_or_assistant_not_found() -> ApiError:
    """404 with the reference server's words."""
    return ApiError(404, Reason.NOT_FOUND, "Thread or assistant not found.")


def thread_not_found(thread_id: str) -> ApiError:
    """404 with the reference server's words."""
    return ApiError(404, Reason.NOT_FOUND, f"Thread with ID {thread_id} not found")


def thread_busy() -> ApiError:
    """409 with the reference server's words: another run owns the thread."""
    detail = (
        "Thread is already running a task. Wait for it to finish or choose a different "
        "multitask strategy."
    )
    return ApiError(409, Reason.CONFLICT, detail)


def misdirected(assistant_id: str, worker: str | None = None) -> ApiError:
    """421: another pool serves the thread's graph, or another worker holds the run.

    The headers tell the router which graph that is and, where one holds it, which worker.
    """
    headers = {ASSISTANT_HEADER: assistant_id}
    if worker is None:
        detail = f"the thread belongs to graph '{assistant_id}', which this worker does not serve"
    else:
        detail = f"the run of graph '{assistant_id}' is on worker {worker}"
        headers[WORKER_HEADER] = worker
    return ApiError(421, Reason.MISDIRECTED, detail, headers)


def storage_missing() -> ApiError:
    """503: threads need a database, and this pool has none in reach."""
    detail = "this pool has no storage in reach; threads need a database for the pool"
    return not_started(Reason.STORAGE_MISSING, detail)
