"""A whole configuration: the bootstrap, which stays, and the files that it follows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from graphwarden.api.table import RouteTable
from graphwarden.twin.clusters import make_cluster, make_endpoints, name_endpoints
from graphwarden.twin.listener import make_listener
from graphwarden.twin.resources import Files, Resource, respond
from graphwarden.twin.routes import make_routes


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files are, and where the Envoy listens. `admin_port` 0: no admin interface."""

    folder: str
    host: str = "127.0.0.1"
    port: int = 8123
    admin_port: int = 0
    max_body_bytes: int = 16 * 2**20


def render(table: RouteTable, place: Place) -> Files:
    """The files of a table by name, in the order in which they are to be written.

    What is named comes before what names it: endpoints, clusters, routes.
    """
    files: Files = {
        name_endpoints(name): respond(table.generation, make_endpoints(name, pool))
        for name, pool in sorted(table.pools.items())
    }
    clusters = (
        make_cluster(name, pool, place.folder) for name, pool in sorted(table.pools.items())
    )
    files["clusters.json"] = respond(table.generation, *clusters)
    files["routes.json"] = respond(table.generation, make_routes(table))
    listener = make_listener(place.host, place.port, place.max_body_bytes, place.folder)
    files["listeners.json"] = respond(table.generation, listener)
    files["bootstrap.json"] = make_bootstrap(place)
    return files


def make_bootstrap(place: Place) -> Resource:
    """What the Envoy is started with."""
    resources: Resource = {}
    for key, path in (("cds_config", "clusters.json"), ("lds_config", "listeners.json")):
        source = {
            "path": f"{place.folder}/{path}",
            "watched_directory": {"path": place.folder},
        }
        resources[key] = {"resource_api_version": "V3", "path_config_source": source}
    bootstrap: Resource = {
        "node": {"id": "graphwarden", "cluster": "graphwarden"},
        "dynamic_resources": resources,
    }
    if place.admin_port:
        address = {"address": "127.0.0.1", "port_value": place.admin_port}
        bootstrap["admin"] = {"address": {"socket_address": address}}
    return bootstrap
