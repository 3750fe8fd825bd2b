"""Bearer tokens that the cluster knows, by its TokenReview API."""

from __future__ import annotations

from typing import Any

import aiohttp
from kubernetes.aio import client as kubernetes_client
from kubernetes.aio.client.exceptions import ApiException

from graphwarden.api.errors import Reason
from graphwarden.router.errors import retry_later

_SECONDS = 5


class TokenReviews:
    """Asks the API server whose a token is. Its client configuration is that of the source."""

    def __init__(self, audience: str | None) -> None:
        self._audiences = [audience] if audience else None
        self._api: Any = None

    async def __call__(self, token: str) -> str | None:
        """The user's name, or None.

        Raises:
            RouterError: 503 when the API server does not answer.
        """
        if self._api is None:
            self._api = kubernetes_client.AuthenticationV1Api(kubernetes_client.ApiClient())
        spec = kubernetes_client.V1TokenReviewSpec(token=token, audiences=self._audiences)
        body = kubernetes_client.V1TokenReview(spec=spec)
        try:
            answer = await self._api.create_token_review(body, _request_timeout=_SECONDS)
        except (ApiException, aiohttp.ClientError, TimeoutError) as error:
            detail = f"the cluster cannot be asked whose this token is: {type(error).__name__}"
            raise retry_later(503, Reason.POOL_UNAVAILABLE, detail, 2) from error
        status = answer.status
        if not status.authenticated:
            return None
        return str(status.user.username)
