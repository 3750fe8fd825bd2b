"""The graphs of the repository, from `kubectl apply` to answers through the router."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from e2e.calls import INPUTS, make_run
from e2e.kube import Kube, make_graphspec, until

Fleet = dict[str, dict[str, Any]]


def test_each_capability_has_one_deployment_and_one_autoscaler(kube: Kube, fleet: Fleet) -> None:
    capabilities = {graph["spec"]["capability"] for graph in fleet.values()}
    for capability in capabilities:
        children = kube.list("deployments,hpa", f"graphwarden.dev/pool={capability}")
        found = sorted((child["kind"], child["metadata"]["name"]) for child in children)
        name = f"graphpool-{capability}"
        assert found == [("Deployment", name), ("HorizontalPodAutoscaler", name)]


def test_kubectl_shows_every_graph_loaded_and_ready(kube: Kube, fleet: Fleet) -> None:
    lines = kube.kubectl("get", "gs", "--no-headers").splitlines()
    rows = {line.split()[1]: line.split() for line in lines}
    for assistant_id, graph in fleet.items():
        shown = rows[assistant_id]
        assert shown[2:6] == [graph["spec"]["capability"], "1/1", "True", "Ready"]


@pytest.mark.parametrize("assistant_id", sorted(INPUTS))
def test_a_call_through_the_router_is_answered_by_a_pod(
    router: httpx.Client, fleet: Fleet, assistant_id: str
) -> None:
    answer = router.post("/runs/wait", json=make_run(assistant_id))
    assert answer.status_code == 200, answer.text
    assert answer.json().get("__error__") is None
    assert answer.json()["subject"]


async def test_the_python_client_gets_the_answer_of_a_pod(
    router: httpx.Client, fleet: Fleet
) -> None:
    async with get_client(url=str(router.base_url)) as client:
        answer = await client.runs.wait(None, "email_reply", input=INPUTS["email_reply"])
        found = await client.assistants.search(graph_id="email_reply")
    assert isinstance(answer, dict)
    assert answer["subject"]
    assert [assistant["graph_id"] for assistant in found] == ["email_reply"]


async def test_the_python_client_streams_the_steps_of_a_run(
    router: httpx.Client, fleet: Fleet
) -> None:
    async with get_client(url=str(router.base_url)) as client:
        stream = client.runs.stream(
            None, "email_reply", input=INPUTS["email_reply"], stream_mode="updates"
        )
        events = [part.event async for part in stream]
    assert events[0] == "metadata"
    assert "updates" in events


def test_a_module_that_does_not_import_is_told_and_its_neighbours_go_on(
    kube: Kube, router: httpx.Client, fleet: Fleet
) -> None:
    kube.apply(make_graphspec("broken", "broken", "email", module="graphs.not_written_yet"))
    try:
        loaded = kube.until_condition("broken", "Loaded", "False", "ImportError")
        neighbour = router.post("/runs/wait", json=make_run("email_reply"))
        refused = router.post("/runs/wait", json={"assistant_id": "broken", "input": {}})
    finally:
        kube.delete("graphspec", "broken")
    assert "graphs.not_written_yet" in loaded["message"]
    assert neighbour.status_code == 200
    assert refused.status_code == 503
    assert refused.json()["reason"] == "GraphNotReady"
    assert "ImportError" in refused.json()["detail"]


def test_a_graph_added_to_a_running_pool_answers_within_5_s_and_restarts_nothing(
    kube: Kube, router: httpx.Client, fleet: Fleet
) -> None:
    before = _restarts(kube, "email")
    call = {**make_run("email_reply"), "assistant_id": "email_reply_formal"}
    kube.apply(
        make_graphspec(
            "email-reply-formal", "email_reply_formal", "email", context={"tone": "formal"}
        )
    )
    try:
        until(
            "the new graph answers",
            lambda: router.post("/runs/wait", json=call).status_code == 200,
            seconds=5,
        )
    finally:
        kube.delete("graphspec", "email-reply-formal")
    gone = until("the deleted graph is unknown", lambda: _refusal(router, call), seconds=5)
    assert gone["reason"] == "UnknownAssistant"
    assert _restarts(kube, "email") == before


def test_a_graph_with_another_context_answers_in_its_own_way(
    kube: Kube, router: httpx.Client, fleet: Fleet
) -> None:
    formal = {**make_run("email_compose"), "assistant_id": "email_compose_formal"}
    spec = {"module": "graphs.email_compose_graph", "builderAttr": "build_graph"}
    kube.apply(
        make_graphspec(
            "email-compose-formal",
            "email_compose_formal",
            "email",
            context={"tone": "formal"},
            **spec,
        )
    )
    try:
        kube.until_ready("email-compose-formal")
        own = router.post("/runs/wait", json=formal).json()
        other = router.post("/runs/wait", json=make_run("email_compose")).json()
    finally:
        kube.delete("graphspec", "email-compose-formal")
    assert own["body"] != other["body"]


def test_a_changed_config_map_reaches_the_graph_without_a_restart(
    kube: Kube, router: httpx.Client, fleet: Fleet
) -> None:
    before = _restarts(kube, "email")
    call = {**make_run("email_compose"), "assistant_id": "email_compose_signed"}
    spec: dict[str, Any] = {"module": "graphs.email_compose_graph", "builderAttr": "build_graph"}
    source = [{"configMapRef": {"name": "signature"}}]
    kube.apply(_make_signature("Ina Ivanova"))
    kube.apply(
        make_graphspec("signed", "email_compose_signed", "email", contextFrom=source, **spec)
    )
    try:
        kube.until_ready("signed")
        first = router.post("/runs/wait", json=call).json()["body"]
        kube.apply(_make_signature("Otto Olsen"))
        until(
            "the new name is in the mail",
            lambda: "Otto Olsen" in router.post("/runs/wait", json=call).json()["body"],
            seconds=10,
        )
    finally:
        kube.delete("graphspec", "signed")
        kube.delete("configmap", "signature")
    assert "Ina Ivanova" in first
    assert _restarts(kube, "email") == before


def _make_signature(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "signature"},
        "data": {"sender_name": name},
    }


def _restarts(kube: Kube, capability: str) -> dict[str, int]:
    return {
        pod["metadata"]["uid"]: pod["status"]["containerStatuses"][0]["restartCount"]
        for pod in kube.pods(capability)
    }


def _refusal(router: httpx.Client, call: dict[str, Any]) -> dict[str, Any] | None:
    answer = router.post("/runs/wait", json=call)
    return answer.json() if answer.status_code == 422 else None
