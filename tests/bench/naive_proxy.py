"""The router as one would first write it: FastAPI in front, httpx behind. A peer of `bench.router`.

It runs in an environment of its own; UPSTREAM is the `host:port` of every graph.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response

UPSTREAM = os.environ["UPSTREAM"]
UPSTREAMS = {f"graph_{number}": UPSTREAM for number in range(1000)}
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=1000)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One client for all calls."""
    async with httpx.AsyncClient(limits=_LIMITS, timeout=900) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/runs/wait")
async def wait(request: Request) -> Response:
    """Send the call to the pool of its graph."""
    body = await request.json()
    upstream = UPSTREAMS.get(body["assistant_id"])
    if upstream is None:
        return Response(status_code=422)
    answer = await app.state.client.post(
        f"http://{upstream}/runs/wait",
        content=await request.body(),
        headers={"content-type": "application/json"},
    )
    return Response(answer.content, answer.status_code, media_type="application/json")
