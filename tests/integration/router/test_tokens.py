"""`--auth=token-review`: tokens of service accounts, judged by a real API server."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from integration.control.apiserver import Api
from integration.router.upstream import Router, running_router

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
AUDIENCE = "graphwarden"


@pytest.fixture
async def asking(kubeconfig: Path, api: Api, tmp_path: Path) -> AsyncIterator[Router]:
    """A router that follows the cluster and takes tokens for `AUDIENCE`."""
    options = [f"--namespace={api.namespace}", "--unready-seconds=0.1"]
    options += ["--auth=token-review", f"--token-audience={AUDIENCE}"]
    async with running_router(tmp_path, *options, kubeconfig=kubeconfig) as router:
        yield router


def make_token(api: Api, *audiences: str) -> str:
    """A token of a new service account (TokenRequest API)."""
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "caller"}})
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": list(audiences)},
    }
    return str(api.post("ServiceAccount", "caller", "/token", request)["status"]["token"])


async def ask(router: Router, token: str | None) -> tuple[int, dict[str, Any]]:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    answer = await router.http.get("/info", headers=headers)
    return answer.status_code, answer.json()


async def test_a_service_accounts_token_for_the_router_is_let_in(api: Api, asking: Router) -> None:
    status, _ = await ask(asking, make_token(api, AUDIENCE))
    assert status == 200


async def test_a_token_for_somebody_else_is_not(api: Api, asking: Router) -> None:
    status, said = await ask(asking, make_token(api, "https://kubernetes.default.svc"))
    assert (status, said["reason"]) == (401, "Unauthenticated")


async def test_a_forged_token_is_not(api: Api, asking: Router) -> None:
    head, claims, signature = make_token(api, AUDIENCE).split(".")
    padded = claims + "=" * (-len(claims) % 4)
    told = json.loads(base64.urlsafe_b64decode(padded))
    told["sub"] = "system:serviceaccount:kube-system:admin"
    forged = base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")
    status, _ = await ask(asking, f"{head}.{forged}.{signature}")
    assert status == 401


async def test_a_call_without_a_token_is_told_how_to_send_one(asking: Router) -> None:
    status, said = await ask(asking, None)
    assert status == 401
    assert "authorization" in said["detail"]


async def test_a_token_of_a_deleted_account_is_not_let_in(api: Api, asking: Router) -> None:
    token = make_token(api, AUDIENCE)
    api.delete("ServiceAccount", "caller")
    status, _ = await ask(asking, token)
    assert status == 401
