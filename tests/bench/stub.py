"""A worker that costs next to nothing: it reads every request to its end and answers the same.

    PYTHONPATH=tests .venv/bin/python -m bench.stub --port PORT [--delay SECONDS] [--hold]

`GET /held` tells how many calls it holds and how many it had, `POST /release` answers them all, and
from then on it holds no more; neither counts, and no probe of a load balancer. `GET /graphs` tells
that it has loaded `graph_0`, `graph_1`, ...
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from typing import cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_ANSWER_BYTES = 200


def _render(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def render_graphs(count: int) -> bytes:
    """The load table of a worker that has them all."""
    return json.dumps(
        {"graphs": [{"assistant_id": f"graph_{n}", "loaded": True} for n in range(count)]}
    ).encode()


ANSWER = _render(b'{"answer":"%b"}' % (b"x" * (_ANSWER_BYTES - 13)))


class Stub:
    """What all connections share."""

    def __init__(self, delay: float, hold: bool, graphs: int) -> None:
        self.delay, self.hold = delay, hold
        self.graphs = _render(render_graphs(graphs))
        self.held: set[asyncio.WriteTransport] = set()
        self.requests = 0

    def release(self) -> None:
        """Answer all that is held."""
        self.hold = False
        for transport in self.held:
            transport.write(ANSWER)
        self.held.clear()


class Connection(asyncio.Protocol):
    """One connection: requests one after the other, no pipelining."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._head = b""
        self._left = 0
        self._chunked = False
        self._target = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _: Exception | None) -> None:
        """Nobody waits for what was held."""
        self._stub.held.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of the request; at the last one, answer."""
        if self._chunked:
            self._head = self._head[-5:] + data
            if self._head.endswith(b"0\r\n\r\n"):
                self._chunked, self._head = False, b""
                self._answer()
            return
        if self._left:
            self._left -= len(data)
            if self._left <= 0:
                self._left = 0
                self._answer()
            return
        head = self._head + data
        end = head.find(b"\r\n\r\n")
        if end < 0:
            self._head = head
            return
        self._head = b""
        self._target = head[: head.index(b"\r\n")]
        length = _LENGTH.search(head, 0, end)
        if length is None and b"chunked" in head[:end].lower():
            self._chunked = True
            if rest := head[end + 4 :]:
                self.data_received(rest)
            return
        self._left = (int(length[1]) if length else 0) - (len(head) - end - 4)
        if self._left <= 0:
            self._left = 0
            self._answer()

    def _answer(self) -> None:
        stub = self._stub
        if self._target.startswith(b"GET /graphs"):
            self._transport.write(stub.graphs)
            return
        if not self._target.startswith(b"POST /runs"):
            if self._target.startswith(b"POST /release"):
                stub.release()
            if not self._target.startswith((b"POST /release", b"GET /held")):
                stub.requests += 1
            told = {"held": len(stub.held), "requests": stub.requests}
            self._transport.write(_render(json.dumps(told).encode()))
            return
        stub.requests += 1
        if stub.hold:
            stub.held.add(self._transport)
        elif stub.delay:
            asyncio.get_running_loop().call_later(stub.delay, self._late)
        else:
            self._transport.write(ANSWER)

    def _late(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWER)


async def serve(host: str, port: int, stub: Stub) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stub), host, port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--graphs", type=int, default=1000)
    asked = parser.parse_args()
    uvloop.run(serve(asked.host, asked.port, Stub(asked.delay, asked.hold, asked.graphs)))


if __name__ == "__main__":
    main()
