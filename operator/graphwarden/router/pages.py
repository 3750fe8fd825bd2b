"""Graphs that are pages: who may call them, and where such a call goes."""

from __future__ import annotations

from graphwarden.api.errors import Reason
from graphwarden.router.address import Call, check_callable
from graphwarden.router.errors import RouterError
from graphwarden.router.request import Request, too_large
from graphwarden.router.table import Table
from graphwarden.router.timeouts import make_run_timeout

# A form that a mail program or a person sends; nothing is uploaded here.
BODY_LIMIT = 64 * 2**10


def is_page(table: Table, name: str) -> bool:
    """Whether the graph of that name is open to everybody."""
    found = table.assistants.get(name)
    return found is not None and found.page_methods is not None


async def address_page(request: Request, table: Table, name: str) -> Call:
    """The call of a page.

    Raises:
        RouterError: 404, 405, 413, or 503 when its graph cannot be called now.
    """
    found = table.assistants.get(name)
    if found is None or found.page_methods is None:
        raise RouterError(404, Reason.NOT_FOUND, "Not Found")
    if request.method not in found.page_methods:
        allow = ", ".join(found.page_methods)
        detail = f"{request.path} is served by {allow}"
        raise RouterError(405, Reason.METHOD_NOT_ALLOWED, detail, {"allow": allow})
    length = request.content_length
    if length is None or length > BODY_LIMIT:
        # A body in chunks tells its length too late.
        raise too_large(BODY_LIMIT)
    check_callable(name, found)
    body = await request.body.read()
    timeout = make_run_timeout(found)
    return Call(found.pool, body, timeout, assistant=name, may_move=found.retry != "Never")
