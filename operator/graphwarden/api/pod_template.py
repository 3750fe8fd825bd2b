"""What a `podTemplate` must be for it to be laid over a pod template. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def check_pod_template(template: dict[str, Any]) -> dict[str, Any]:
    """The template without nulls where a part of every pod stands: they would take it away.

    Raises:
        ValueError: a part has another shape than in a pod; what is inside, the API server checks.
    """
    checked = _leave_out_nulls(template, ("metadata", "spec"))
    if "metadata" in checked:
        metadata = _leave_out_nulls(_need_object(checked["metadata"], "metadata"), ("labels",))
        if "labels" in metadata:
            _need_object(metadata["labels"], "metadata.labels")
        checked["metadata"] = metadata
    if "spec" in checked:
        spec = _leave_out_nulls(_need_object(checked["spec"], "spec"), ("containers",))
        _check_containers(spec.get("containers", []))
        checked["spec"] = spec
    return checked


def _check_containers(containers: Any) -> None:
    if not isinstance(containers, list):
        raise ValueError("podTemplate.spec.containers must be a list")
    for index, container in enumerate(containers):
        place = f"podTemplate.spec.containers[{index}]"
        name = container.get("name") if isinstance(container, Mapping) else None
        if not isinstance(name, str) or not name:
            raise ValueError(f"{place} needs a name; that of the operator's own is worker")


def _need_object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"podTemplate.{place} must be an object")
    return value


def _leave_out_nulls(value: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {k: v for k, v in value.items() if v is not None or k not in fields}
