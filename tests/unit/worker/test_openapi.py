"""The document of what is served."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from graphwarden.worker.app import make_app
from graphwarden.worker.service import make_service
from graphwarden.worker.settings import Settings


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    settings = Settings(registry=tmp_path / "registry.json", capability="tests")
    return TestClient(make_app(make_service(settings)))


def test_every_documented_call_is_routed(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method in operations:
            answer = client.request(method, path.replace("{", "").replace("}", ""), content=b"{}")
            assert answer.status_code != 405, (method, path)
            assert (
                (answer.status_code, answer.json().get("detail")) != (404, "Not Found")
                if (
                    answer.headers["content-type"].startswith("application/json")
                    and isinstance(answer.json(), dict)
                )
                else True
            ), (method, path)


@pytest.mark.parametrize(
    "path",
    ["/runs/wait", "/threads/{thread_id}/commands", "/store/items", "/runs/crons", "/docs"],
)
def test_what_is_served_is_documented(client: TestClient, path: str) -> None:
    operations = client.get("/openapi.json").json()["paths"][path]
    assert all(operation["summary"] for operation in operations.values())


def test_each_operation_has_a_name_of_its_own(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    names = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(names) == len(set(names))
    assert document["openapi"] == "3.1.0"


def test_the_page_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "/threads/{thread_id}/runs/wait" in page
    assert "http://" not in page
    assert "https://" not in page
