"""Who may talk to a pool, and to whom it may talk."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from graphwarden.api import names
from graphwarden.api.fleet import Pool
from graphwarden.api.graphpool import Isolation
from graphwarden.control.desired.metadata import make_metadata
from graphwarden.control.kinds import Manifest

_POSTGRES_PORT: Final = 5432
_DNS_PORT: Final = 53
_SPANS_GO_TO: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_DNS_NAMESPACE: Final = "kube-system"
# Where clouds hand out the node's credentials; no pool has any business there.
_METADATA: Final = (
    ipaddress.ip_network("169.254.169.254/32"),
    ipaddress.ip_network("fd00:ec2::254/128"),
)
_EVERYWHERE: Final = ("0.0.0.0/0", "::/0")


def make_network_policy(pool: Pool) -> Manifest | None:
    """In from router and operator; out to DNS, PostgreSQL, spans and what the GraphPool names.

    None when the pool asks for no isolation. The address of the database stands in a Secret that
    the operator may not read, hence the port alone.
    """
    network = pool.spec.network
    if network.isolation is Isolation.NONE:
        return None
    egress = [_make_dns_rule(), *(_guard_rule(rule) for rule in network.egress)]
    if pool.spec.storage.secret_ref is not None:
        egress.insert(1, _guard_rule({"ports": [_make_port("TCP", _POSTGRES_PORT)]}))
    spans = _find_spans_port(pool)
    if spans is not None:
        egress.insert(1, _guard_rule({"ports": [_make_port("TCP", spans)]}))
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": make_metadata(pool, names.make_pool_name(pool.capability)),
        "spec": {
            # The pods that try a new image are meant too.
            "podSelector": {"matchLabels": {names.LABEL_POOL: pool.capability}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [_make_own_rule(pool), *network.ingress],
            "egress": [rule for rule in egress if rule is not None],
        },
    }


def _find_spans_port(pool: Pool) -> int | None:
    """The port of whoever takes the pool's spans, when there is somebody."""
    values = {item.get("name"): item.get("value") for item in pool.spec.worker.env}
    try:
        where = urlsplit(str(values.get(_SPANS_GO_TO) or ""))
        return where.port or _DEFAULT_PORTS.get(where.scheme)
    except ValueError:
        return None


def _make_own_rule(pool: Pool) -> dict[str, Any]:
    peers = [
        {"podSelector": {"matchLabels": {names.LABEL_APP: app}}}
        for app in (names.ROUTER_SERVICE, names.OPERATOR_APP)
    ]
    if pool.router_namespace:
        place = {"matchLabels": {names.LABEL_NAMESPACE_NAME: pool.router_namespace}}
        peers = [{"namespaceSelector": place, **peer} for peer in peers]
    return {"from": peers, "ports": [_make_port("TCP", names.WORKER_PORT)]}


def _make_dns_rule() -> dict[str, Any]:
    place = {"matchLabels": {names.LABEL_NAMESPACE_NAME: _DNS_NAMESPACE}}
    ports = [_make_port(protocol, _DNS_PORT) for protocol in ("UDP", "TCP")]
    return {"to": [{"namespaceSelector": place}], "ports": ports}


def _make_port(protocol: str, port: int) -> dict[str, Any]:
    return {"protocol": protocol, "port": port}


def _guard_rule(rule: Mapping[str, Any]) -> dict[str, Any] | None:
    """The rule without the metadata addresses; None when nothing else was in it.

    A rule without peers means every peer there is, so it is written out.
    """
    blocks = [{"ipBlock": {"cidr": cidr}} for cidr in _EVERYWHERE]
    wanted = rule.get("to") or [*blocks, {"namespaceSelector": {}}]
    if not isinstance(wanted, list):
        return dict(rule)  # The API server says what is wrong with it.
    peers = [guarded for peer in wanted if (guarded := _guard_peer(peer)) is not None]
    return {**rule, "to": peers} if peers else None


def _guard_peer(peer: Any) -> Any:
    block = peer.get("ipBlock") if isinstance(peer, Mapping) else None
    if not isinstance(block, Mapping) or not isinstance(block.get("except") or [], list):
        return peer
    try:
        network = ipaddress.ip_network(str(block.get("cidr")), strict=False)
    except ValueError:
        return peer  # The API server says what is wrong with it.
    inside = [str(m) for m in _METADATA if m.version == network.version and _covers(network, m)]
    if str(network) in inside:
        return None
    spared = [cidr for cidr in inside if cidr not in (block.get("except") or ())]
    if not spared:
        return peer
    return {**peer, "ipBlock": {**block, "except": [*(block.get("except") or ()), *spared]}}


def _covers(network: Any, part: Any) -> bool:
    return bool(part.subnet_of(network))
