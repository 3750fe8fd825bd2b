"""An API server with accepted graphs and their workers, for `bench.router_updates`.

Nobody but the benchmark writes: it plays the operator, and the controller of EndpointSlices.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.peers import PeerMissing
from integration.control.apiserver import PLACES, Api, require_programs, run_api_server

NAMESPACE = "bench"
POOLS = 10
PLACES.setdefault("EndpointSlice", "apis/discovery.k8s.io/v1/{}/endpointslices")
_CONDITION = {
    "status": "True",
    "message": "",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[Path]:
    """An API server with the namespace of the benchmark; the path of a kubeconfig.

    Raises:
        PeerMissing: its programs are not here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        programs = require_programs()
    except (pytest.skip.Exception, pytest.fail.Exception) as reason:
        raise PeerMissing(str(reason)) from None
    with run_api_server(folder, programs) as kubeconfig:
        with Api(kubeconfig, NAMESPACE) as api:
            api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        yield kubeconfig


def find_host() -> str:
    """An address of this machine that an EndpointSlice may name: not of loopback.

    Raises:
        PeerMissing: it has none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            raise PeerMissing("this machine has no address but that of loopback") from None
        return str(probe.getsockname()[0])


def create_graph(api: Api, number: int) -> None:
    """A GraphSpec that nobody has accepted yet."""
    api.create(
        {
            "apiVersion": "graphwarden.dev/v1alpha1",
            "kind": "GraphSpec",
            "metadata": {"name": f"graph-{number}"},
            "spec": {
                "assistantID": f"graph_{number}",
                "capability": f"pool-{number % POOLS}",
                "module": "graphs.x",
            },
        }
    )


def accept_graph(api: Api, number: int) -> None:
    """What the operator says of a graph that is loaded."""
    conditions = [
        {**_CONDITION, "type": "Accepted", "reason": "Accepted"},
        {**_CONDITION, "type": "Ready", "reason": "Ready"},
    ]
    patch = {"status": {"conditions": conditions}}
    api.patch("GraphSpec", f"graph-{number}", patch, subresource="/status")


def change_graph(api: Api, number: int, seconds: int) -> None:
    """Another timeout."""
    api.patch("GraphSpec", f"graph-{number}", {"spec": {"run": {"timeoutSeconds": seconds}}})


def set_workers(api: Api, pool: int, host: str, ports: Sequence[int]) -> None:
    """The ready workers of a pool: one slice per port, as slices have one port for all."""
    for number, port in enumerate(ports):
        api.apply(make_slice(f"pool-{pool}-{number}", f"pool-{pool}", host, port))


def drop_worker(api: Api, pool: int, number: int) -> None:
    """A worker is gone."""
    api.delete("EndpointSlice", f"pool-{pool}-{number}")


def fill(kubeconfig: Path, graphs: int) -> None:
    """Make that many accepted graphs."""

    def make(numbers: range) -> None:
        with Api(kubeconfig, NAMESPACE) as api:
            for number in numbers:
                create_graph(api, number)
                accept_graph(api, number)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(make, (range(start, graphs, 3) for start in range(3))))


def make_slice(name: str, pool: str, host: str, port: int) -> dict[str, Any]:
    """An EndpointSlice with one ready worker of a pool."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"graphwarden.dev/pool": pool}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}],
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
    }
