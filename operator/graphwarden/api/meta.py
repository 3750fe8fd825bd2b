"""What both resources share: spelling, metadata, conditions (Kubernetes API conventions)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A value spelled in camelCase outside and snake_case inside. Unknown fields are ignored.

    An object may come from a newer CRD than this program, so reading is tolerant; manifests that
    a person writes are read strictly (`graphwarden.api.manifests`).
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )


class ObjectMeta(Model):
    """The part of a Kubernetes object's metadata that decisions are made from."""

    name: str = ""
    namespace: str = "default"
    uid: str = ""
    generation: int = 1
    resource_version: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None


class Condition(Model):
    """One condition of an object's status (metav1.Condition)."""

    type: str
    status: Literal["True", "False", "Unknown"]
    observed_generation: int = 0
    last_transition_time: str = ""
    reason: str = Field(min_length=1)
    message: str = ""


def find_condition(conditions: list[Condition], kind: str) -> Condition | None:
    """The condition of that type, if the status has one."""
    return next((c for c in conditions if c.type == kind), None)
