"""Every name, label and annotation that Graphwarden derives; none is spelled elsewhere."""

from __future__ import annotations

import functools
import hashlib
import re
import uuid
from typing import Final

GROUP: Final = "graphwarden.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
GRAPHSPECS: Final = "graphspecs"
GRAPHPOOLS: Final = "graphpools"

FIELD_MANAGER: Final = "graphwarden-operator"
ROUTER_SERVICE: Final = "graphwarden-router"
ROUTER_PORT: Final = 8123
WORKER_APP: Final = "graphwarden-worker"
PREFLIGHT_APP: Final = "graphwarden-preflight"
OPERATOR_APP: Final = "graphwarden-operator"
WORKER_PORT: Final = 8000
WORKER_PORT_NAME: Final = "http"
WORKER_CONTAINER: Final = "worker"
REGISTRY_KEY: Final = "registry.json"
REGISTRY_DIRECTORY: Final = "/etc/graphwarden/registry"

LABEL_APP: Final = "app.kubernetes.io/name"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_PART_OF: Final = "app.kubernetes.io/part-of"
LABEL_POOL: Final = f"{GROUP}/pool"
# Where Kubernetes itself writes a namespace's name on it.
LABEL_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
ANNOTATION_REGISTRY_REVISION: Final = f"{GROUP}/registry-revision"
# On a Deployment: the image that its pods may run, checked where one was there before.
ANNOTATION_IMAGE: Final = f"{GROUP}/image"
# Kubernetes' own (KEP-2255): which pods a scale-in takes first.
ANNOTATION_DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
ANNOTATION_DRAINED: Final = f"{GROUP}/drained-by"

# RFC 1123 labels and Kubernetes object names of Services end at 63 characters.
NAME_LENGTH_LIMIT: Final = 63

CAPABILITY_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
CAPABILITY_LENGTH_LIMIT: Final = 40
ASSISTANT_ID_PATTERN: Final = r"^[a-z0-9_-]+$"
ASSISTANT_ID_LENGTH_LIMIT: Final = 63
MODULE_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
ATTRIBUTE_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"

# The namespace in which LangGraph servers derive the id of a graph's default assistant.
ASSISTANT_NAMESPACE: Final = uuid.UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")

_THREAD_KEY = re.compile(r"[a-z0-9]+(-[A-Za-z0-9_]+)+")
_THREAD_KEY_LENGTH_LIMIT = 128


def make_name(*parts: str) -> str:
    """Join parts with hyphens into an object name; past 63 characters, cut it and add a hash.

    The hash is of the whole name, so two long names that differ anywhere stay different.
    """
    name = "-".join(parts)
    if len(name) <= NAME_LENGTH_LIMIT:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: NAME_LENGTH_LIMIT - 9].rstrip('-')}-{digest}"


def make_pool_name(capability: str) -> str:
    """Name of the pool's Deployment, Service, ServiceAccount and autoscaler."""
    return make_name("graphpool", capability)


def make_registry_name(capability: str) -> str:
    """Name of the ConfigMap that holds the pool's registry rows."""
    return make_name("graphpool", capability, "registry")


def make_preflight_name(capability: str, revision: str) -> str:
    """Name of the Job that tries a pool's new image; `revision` names what it tries."""
    return make_name("graphpool", capability, "preflight", revision)


def make_preflight_labels(capability: str) -> dict[str, str]:
    """The labels of a Job's pods: of the pool, and yet none of its replicas."""
    return {LABEL_APP: PREFLIGHT_APP, LABEL_POOL: capability, LABEL_PART_OF: "graphwarden"}


def make_selector(capability: str) -> dict[str, str]:
    """The pod selector of a pool. Selectors are immutable in Kubernetes: never change these."""
    return {LABEL_APP: WORKER_APP, LABEL_POOL: capability}


def make_labels(capability: str) -> dict[str, str]:
    """The labels of every object that belongs to a pool."""
    return {
        **make_selector(capability),
        LABEL_MANAGED_BY: FIELD_MANAGER,
        LABEL_PART_OF: "graphwarden",
    }


@functools.lru_cache(maxsize=2**16)
def assistant_uuid(assistant_id: str) -> str:
    """The fixed id of a graph's default assistant, as every LangGraph server derives it."""
    return str(uuid.uuid5(ASSISTANT_NAMESPACE, assistant_id))


def is_thread_id(value: str) -> bool:
    """Whether `value` may name a thread: a UUID, or a stable key such as `campaign-7-42`.

    A stable key is two or more words joined by hyphens, at most 128 characters, so that a caller
    can find the thread of a business object again without a table of its own.
    """
    try:
        uuid.UUID(value)
    except ValueError:
        key_fits = len(value) <= _THREAD_KEY_LENGTH_LIMIT
        return key_fits and _THREAD_KEY.fullmatch(value) is not None
    return True
