"""Asking workers for their load tables."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

import aiohttp
from pydantic import ValidationError

from graphwarden.api import names
from graphwarden.control.observed import LoadTable, PodView

_TIMEOUT_SECONDS: Final = 2.0
_SIZE_LIMIT_BYTES: Final = 4 << 20

log = logging.getLogger(__name__)


async def fetch_load_tables(
    session: aiohttp.ClientSession, pods: Iterable[PodView]
) -> dict[str, LoadTable]:
    """The tables of the pods that answer, by pod name; a pod that does not is left out."""
    asked = list(pods)
    answers = await asyncio.gather(*(fetch_load_table(session, pod) for pod in asked))
    return {pod.name: table for pod, table in zip(asked, answers, strict=True) if table is not None}


async def fetch_load_table(session: aiohttp.ClientSession, pod: PodView) -> LoadTable | None:
    """The table of one pod; None when it does not answer within 2 s, or with something else."""
    host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
    url = f"http://{host}:{names.WORKER_PORT}/graphs"
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    try:
        async with session.get(url, timeout=timeout, allow_redirects=False) as answer:
            answer.raise_for_status()
            return LoadTable.model_validate_json(await _read_limited(answer))
    except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
        log.debug("pod %s gave no load table: %r", pod.name, error)
        return None


async def _read_limited(answer: aiohttp.ClientResponse) -> bytes:
    # The pod runs other people's code: what it sends must not fill the operator's memory.
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > _SIZE_LIMIT_BYTES:
            raise aiohttp.ClientPayloadError("load table is larger than 4 MiB")
    return bytes(body)
