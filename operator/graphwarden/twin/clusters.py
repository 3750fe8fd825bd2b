"""Pools as clusters, and their workers as endpoints. Pure."""

from __future__ import annotations

from typing import Final

from graphwarden.api.table import PoolRoute
from graphwarden.twin.resources import (
    CONNECT_TIMEOUT,
    Resource,
    follow,
    name_cluster,
    seconds,
    typed,
)

_CLUSTER: Final = "envoy.config.cluster.v3.Cluster"
_ENDPOINTS: Final = "envoy.config.endpoint.v3.ClusterLoadAssignment"
_OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def make_cluster(name: str, pool: PoolRoute, folder: str) -> Resource:
    """The cluster of a pool.

    Over HTTP/1.1 a call is a connection: `max_connections` is the pool's limit of calls in flight,
    and what waits for one is pending.
    """
    limit = max(1, len(pool.endpoints) * pool.concurrency_per_replica)
    cluster = name_cluster(name)
    options = typed(
        _OPTIONS,
        # 0 is never: a run may be silent for as long as its graph allows.
        common_http_protocol_options={"idle_timeout": "0s"},
        explicit_http_config={"http_protocol_options": {}},
    )
    return typed(
        _CLUSTER,
        name=cluster,
        type="EDS",
        connect_timeout=CONNECT_TIMEOUT,
        lb_policy="LEAST_REQUEST",
        eds_cluster_config={
            "service_name": cluster,
            "eds_config": follow(name_endpoints(name), folder),
        },
        circuit_breakers={
            "thresholds": [
                {
                    "max_connections": limit,
                    "max_requests": limit,
                    "max_pending_requests": pool.max_queued,
                    "max_retries": limit,
                }
            ]
        },
        outlier_detection={
            # A worker that answers is alive, whatever it answers: only lost calls count.
            "split_external_local_origin_errors": True,
            "enforcing_consecutive_5xx": 0,
            "enforcing_success_rate": 0,
            "consecutive_local_origin_failure": pool.breaker_failures,
            "base_ejection_time": seconds(pool.breaker_open_seconds),
            "max_ejection_time": seconds(max(pool.breaker_open_seconds, 1.0)),
            "max_ejection_percent": 100,
            "interval": "1s",
        },
        # With no healthy worker left a call fails at once, instead of going to a lost one.
        common_lb_config={"healthy_panic_threshold": {"value": 0}},
        # Breakers and counts stay as workers come and go.
        ignore_health_on_host_removal=True,
        upstream_connection_options={
            "tcp_keepalive": {
                "keepalive_time": 30,
                "keepalive_interval": 10,
                "keepalive_probes": 3,
            }
        },
        typed_extension_protocol_options={_OPTIONS: options},
    )


def make_endpoints(name: str, pool: PoolRoute) -> Resource:
    """The workers of a pool."""
    found = []
    for endpoint in pool.endpoints:
        host, _, port = endpoint.rpartition(":")
        socket = {"address": host.strip("[]"), "port_value": int(port)}
        found.append({"endpoint": {"address": {"socket_address": socket}}})
    return typed(_ENDPOINTS, cluster_name=name_cluster(name), endpoints=[{"lb_endpoints": found}])


def name_endpoints(name: str) -> str:
    """The file of a pool's workers: a file of endpoints may hold those of one cluster only."""
    return f"endpoints-{name_cluster(name)}.json"
