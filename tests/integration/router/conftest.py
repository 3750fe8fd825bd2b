"""A router process for each test, and an API server for all that follow a cluster."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from integration.control.apiserver import Api, require_programs, run_api_server
from integration.router.upstream import Router, running_router


@pytest.fixture
async def router(tmp_path: Path) -> AsyncIterator[Router]:
    async with running_router(tmp_path, "--max-body-bytes=100000") as running:
        yield running


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with run_api_server(tmp_path_factory.mktemp("api"), require_programs()) as path:
        yield path


@pytest.fixture
def api(kubeconfig: Path) -> Iterator[Api]:
    namespace = f"router-{uuid.uuid4().hex[:8]}"
    with Api(kubeconfig, namespace) as api:
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        yield api
