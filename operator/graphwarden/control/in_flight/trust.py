"""Who may ask: the API server's front proxy vouches for the user, an access review allows them.

This is delegated authentication as the aggregation layer asks for it
(https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/).
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from graphwarden.control.cluster import Cluster

# As long as an API server that asks others who may do what (--authorization-webhook-cache-*-ttl).
_ALLOWED_SECONDS, _DENIED_SECONDS = 300.0, 30.0
_REVIEWS_KEPT: Final = 256


class NoFrontProxy(Exception):
    """The cluster does not say by which certificate its front proxy is known."""


@dataclass(frozen=True)
class FrontProxy:
    """`extension-apiserver-authentication` of kube-system: how the front proxy is known."""

    ca: str
    names: tuple[str, ...]
    user_headers: tuple[str, ...]
    group_headers: tuple[str, ...]

    def knows(self, peer: Mapping[str, Any] | None) -> bool:
        """Whether a verified certificate, as `ssl` gives it, is the front proxy's."""
        if not peer:
            return False
        subject = {key: value for pairs in peer.get("subject", ()) for key, value in pairs}
        return not self.names or subject.get("commonName") in self.names


def parse_front_proxy(data: Mapping[str, str]) -> FrontProxy:
    """The front proxy of a cluster, from the data of its ConfigMap.

    Raises:
        NoFrontProxy: the API server runs without an aggregation layer.
    """
    ca = data.get("requestheader-client-ca-file", "")
    if not ca:
        raise NoFrontProxy("the API server runs without --requestheader-client-ca-file")
    return FrontProxy(
        ca,
        tuple(json.loads(data.get("requestheader-allowed-names", "[]"))),
        tuple(json.loads(data.get("requestheader-username-headers", '["X-Remote-User"]'))),
        tuple(json.loads(data.get("requestheader-group-headers", '["X-Remote-Group"]'))),
    )


def make_tls(proxy: FrontProxy, folder: Path) -> ssl.SSLContext:
    """TLS with the certificate of `folder`; only clients with one of the front proxy's CA come in.

    Raises:
        OSError: there is no certificate.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=proxy.ca)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@dataclass
class Reviews:
    """Asks the API server whether a user may read a metric, and remembers it for a moment."""

    cluster: Cluster
    _known: dict[tuple[object, ...], tuple[float, bool]] = field(default_factory=dict)

    async def allow(self, user: str, groups: tuple[str, ...], namespace: str, metric: str) -> bool:
        """Whether the user may.

        Raises:
            ApiError: the API server refuses to say.
        """
        key = (user, groups, namespace, metric)
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        allowed = await self.cluster.may_read_metric(user, groups, namespace, metric)
        if len(self._known) >= _REVIEWS_KEPT:
            self._known.clear()
        seconds = _ALLOWED_SECONDS if allowed else _DENIED_SECONDS
        self._known[key] = time.monotonic() + seconds, allowed
        return allowed
