"""`x-debug-trace: 1`: one call whose trace is wanted, whatever part of them is sampled. Pure."""

from __future__ import annotations

import ipaddress

from graphwarden.router.request import Request

HEADER = b"x-debug-trace"
# Whoever passes calls on from outside says for whom.
_PASSED_ON = (b"x-forwarded-for", b"forwarded", b"via")


def wants_trace(request: Request, peer: str) -> bool:
    """Whether a caller of this network asks for the trace of its call.

    Args:
        request: the call.
        peer: the address that it comes from.
    """
    if request.header(HEADER) != "1" or any(map(request.header, _PASSED_ON)):
        return False
    try:
        return not ipaddress.ip_address(peer).is_global
    except ValueError:
        return False
