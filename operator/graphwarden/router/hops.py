"""A call that a worker sends on: to another graph's pool once, and to a named worker once. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from graphwarden.api.errors import ASSISTANT_HEADER, NOT_STARTED_HEADER, WORKER_HEADER, Reason
from graphwarden.router.errors import RouterError
from graphwarden.router.table import Table
from graphwarden.router.upstream import ResponseHead

_NOT_STARTED = NOT_STARTED_HEADER.encode()
_ASSISTANT = ASSISTANT_HEADER.encode()
_WORKER = WORKER_HEADER.encode()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A worker did nothing with the call; where it named another place, this is it."""

    assistant: str = ""
    worker: str = ""

    @property
    def sends_on(self) -> bool:
        """Whether another place is named."""
        return bool(self.assistant or self.worker)


NOT_STARTED = Refusal()


def read_refusal(head: ResponseHead, *, final: bool) -> Refusal | None:
    """What the head of an answer refuses; None where it is the answer.

    Args:
        head: of the worker's answer.
        final: what was not started is not sent again: the worker's words are the answer.
    """
    if head.status == 421:
        found = Refusal(head.header(_ASSISTANT) or "", head.header(_WORKER) or "")
        return found if found.sends_on else None
    if head.status == 503 and head.header(_NOT_STARTED) is not None and not final:
        return NOT_STARTED
    return None


@dataclass(slots=True)
class Hops:
    """What a call has behind it. The wrong pool may be followed by the right pool's wrong pod."""

    to_pool: bool = False
    to_worker: bool = False

    def follow(self, refusal: Refusal, pool: str, table: Table) -> tuple[str, str]:
        """The pool to send the call to, and the worker of it where only that one will do.

        A worker that is not in the table is never called: an answer must not make the router
        connect to an arbitrary address.

        Raises:
            RouterError: 502 when the call was sent on before, 422 when the graph has no pool.
        """
        if refusal.worker in table.endpoints and not self.to_worker:
            self.to_worker = True
            return _find_pool_of(refusal.worker, pool, table), refusal.worker
        if not refusal.assistant or self.to_pool:
            detail = "the workers sent the call on to each other: nobody took it as theirs"
            raise RouterError(502, Reason.MISDIRECTED, detail, {"retry-after": "1"})
        name = table.find(refusal.assistant)
        if name is None:
            detail = f"the thread belongs to graph '{refusal.assistant}', which is not in the fleet"
            raise RouterError(422, Reason.UNKNOWN_ASSISTANT, detail)
        self.to_pool = True
        return table.assistants[name].pool, ""


def _find_pool_of(worker: str, pool: str, table: Table) -> str:
    route = table.pools.get(pool)
    if route is not None and worker in route.endpoints:
        return pool
    return next(name for name, other in table.pools.items() if worker in other.endpoints)
