"""The model path of every failure a vendor has: a real client, a real server on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import context, propagate
from opentelemetry.sdk.trace import TracerProvider

from graphs.classify_company_graph import graph as classify_company
from graphs.classify_intent_graph import graph as classify_intent
from graphs.classify_reply_graph import graph as classify_reply
from graphs.icp_fit_graph import graph as icp_fit
from graphs.sales.tasks import ModelFailed
from model_server import Answer, ModelServer, running_model_server

_COMPANY = {"name": "Hotel Krone", "description": "A hotel."}
_GOOD = {"category": "hospitality", "confidence": 0.9, "reasons": ["hotel"]}
_DENTAL = {"name": "Zahn", "description": "Software for dentists.", "employees": 80}
_ICP = {"industries": ["healthcare"]}
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def servers() -> Iterator[ModelServer]:
    with running_model_server() as server:
        yield server


@pytest.fixture
def server(servers: ModelServer, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    monkeypatch.setenv("OPENAI_BASE_URL", servers.url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("MODEL", "openai:m")
    servers.answers.clear()
    servers.requests.clear()
    return servers


async def _ask(**context: Any) -> dict[str, Any]:
    answer: dict[str, Any] = await classify_company.ainvoke(_COMPANY, context=context)
    return answer


async def test_a_good_answer_is_the_models_and_its_tokens_are_counted(server: ModelServer) -> None:
    server.answers = [Answer(json.dumps(_GOOD))]
    answer = await _ask()
    assert answer["category"] == "hospitality"
    assert answer["model_version"].startswith("openai:m@1+")
    assert answer["provenance"]["engine"] == "model"
    assert answer["provenance"]["tokens"] == {"input": 7, "output": 3}


@pytest.mark.parametrize(
    "bad",
    ["It is a hotel.", '{"category": "hospitality", "conf', '{"category": 3, "confidence": 0.5}',
     json.dumps({**_GOOD, "confidence": 7}), json.dumps({**_GOOD, "category": "castles"})],
    ids=["prose", "malformed", "wrong type", "out of range", "fails a check"],
)  # fmt: skip
async def test_an_answer_that_does_not_fit_is_asked_for_once_more(
    server: ModelServer, bad: str
) -> None:
    server.answers = [Answer(bad), Answer(json.dumps(_GOOD))]
    answer = await _ask()
    assert answer["provenance"]["engine"] == "model"
    assert len(server.requests) == 2
    assert server.requests[1].body["messages"][-1]["content"].startswith("That answer was refused")


@pytest.mark.parametrize(
    ("bad", "calls"),
    [
        (Answer("no"), 2),
        (Answer("slow down", 429, {"retry-after": "30"}), 1),
        (Answer("down", 500), 1),
        (Answer("who are you", 401), 1),
        (Answer(json.dumps(_GOOD), cut=True), 1),
        (Answer(raw=b"<html>bad gateway</html>", headers={"content-type": "text/html"}), 1),
        (Answer(json.dumps(_GOOD)[:20], finish_reason="length"), 2),
    ],
    ids=["no JSON twice", "429", "500", "401", "cut off", "not an API", "out of tokens"],
)
async def test_what_the_model_cannot_do_the_rules_do_and_say_why(
    server: ModelServer, bad: Answer, calls: int
) -> None:
    server.answers = [bad] * 2
    answer = await _ask()
    assert (answer["category"], answer["provenance"]["engine"]) == ("hospitality", "rules")
    assert answer["provenance"]["fallback_reason"]
    assert answer["model_version"].startswith("rules@")
    assert len(server.requests) <= calls


async def test_a_model_that_does_not_answer_in_time_is_not_waited_for(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_TIMEOUT_SECONDS", "0.2")
    server.answers = [Answer(slow=True)]
    answer = await _ask()
    assert answer["provenance"]["engine"] == "rules"
    assert answer["provenance"]["fallback_reason"] == "TimeoutError: no answer within 0.2 seconds"
    assert len(server.requests) == 1


@pytest.mark.parametrize("seconds", ["soon", "0", "-1", "nan"])
async def test_a_timeout_that_is_none_is_refused(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    monkeypatch.setenv("MODEL_TIMEOUT_SECONDS", seconds)
    with pytest.raises(ValueError, match="MODEL_TIMEOUT_SECONDS"):
        await _ask()


@pytest.mark.parametrize("bad", [Answer("down", 500), Answer("slow down", 429)])
async def test_a_graph_that_must_not_fall_back_fails(server: ModelServer, bad: Answer) -> None:
    server.answers = [bad]
    with pytest.raises(ModelFailed, match="classify_company"):
        await _ask(fallback="fail")


async def test_the_vendor_gets_no_trace_and_no_text_in_the_system_role(
    server: ModelServer,
) -> None:
    server.answers = [Answer(json.dumps(_GOOD))]
    token = context.attach(propagate.extract({"traceparent": _TRACE, "baggage": "tenant=7"}))
    try:
        with TracerProvider().get_tracer("test").start_as_current_span("run"):
            await _ask()
    finally:
        context.detach(token)
    (request,) = server.requests
    assert not {"traceparent", "tracestate", "baggage"} & set(request.headers)
    assert "0af7651916cd43dd8448eb211c80319c" not in json.dumps(request.body)
    system, user = request.body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert "Krone" not in system["content"]
    assert "Krone" in user["content"]


async def test_a_fit_is_weighed_by_a_model_and_its_tier_follows(server: ModelServer) -> None:
    server.answers = [Answer(json.dumps({"fit": 0.8, "reasons": ["The industry fits"]}))]
    answer = await icp_fit.ainvoke({"company": _DENTAL, "icp": _ICP})
    assert (answer["fit"], answer["tier"]) == (0.8, "hot")
    assert answer["reasons"] == ["The industry fits"]
    assert answer["provenance"]["engine"] == "model"
    system, user = server.requests[0].body["messages"]
    assert "healthcare" in system["content"]
    assert "dentists" in user["content"]
    assert "dentists" not in system["content"]


async def test_a_reason_with_a_number_that_nobody_gave_is_refused(server: ModelServer) -> None:
    bad = Answer(json.dumps({"fit": 0.9, "reasons": ["It has 900 people"]}))
    server.answers = [bad, bad]
    answer = await icp_fit.ainvoke({"company": _DENTAL, "icp": _ICP})
    assert (answer["fit"], answer["provenance"]["engine"]) == (0.5, "rules")
    assert "not given" in answer["provenance"]["fallback_reason"]


@pytest.mark.parametrize(
    ("icp", "tier"),
    [({**_ICP, "exclude": {"countries": ["RU"]}}, "disqualified"), ({}, "warm")],
    ids=["deal breaker", "no profile"],
)
async def test_no_model_is_asked_where_there_is_nothing_to_weigh(
    server: ModelServer, icp: dict[str, Any], tier: str
) -> None:
    answer = await icp_fit.ainvoke({"company": {**_DENTAL, "country": "RU"}, "icp": icp})
    assert (answer["tier"], answer["provenance"]["engine"]) == (tier, "rules")
    assert server.requests == []


async def test_a_reply_and_posts_are_read_by_a_model_too(server: ModelServer) -> None:
    reading = {"intent": "not_now", "sentiment": "neutral", "confidence": 0.8}
    server.answers = [Answer(json.dumps(reading))]
    reply = await classify_reply.ainvoke({"text": "Ask in March.", "now": "2026-11-30T09:00:00Z"})
    assert (reply["label"], reply["again_on"]) == ("not_now", "2027-03-01")
    server.answers = [Answer(json.dumps({"kind": "hiring", "confidence": 0.8}))]
    posts = await classify_intent.ainvoke({"posts": ["Our kitchen could use a cook."]})
    assert (posts["kind"], posts["provenance"]["engine"]) == ("hiring", "model")
