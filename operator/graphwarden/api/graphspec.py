"""GraphSpec: one graph, owned by the team that wrote it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, JsonValue, model_validator

from graphwarden.api import names
from graphwarden.api.meta import Condition, Model, ObjectMeta
from graphwarden.api.quantities import Duration, parse_duration

PRECOMPILED_AND_RESUMABLE = (
    "precompiled graphs are loaded as they are, without a checkpointer, so they cannot be "
    "resumable; set precompiled: false and name a builder in builderAttr"
)
NOT_A_LABEL = (
    "a capability is a DNS label: a-z, 0-9 and inner hyphens, at most 40 characters, for example "
    "email"
)
RESUME_WITHOUT_CHECKPOINTS = "run.retry: Resume needs resumable: true"
PAGE_WITH_STATE = (
    "a page is answered by one run without a thread: page needs resumable: false; keep what has to "
    "stay in a database of your own"
)
TIMEOUT_RANGE = "run.timeout must lie between 1s and 24h"
_DAY_SECONDS = 24 * 3600


def _rule(rule: str, message: str) -> dict[str, JsonValue]:
    return {"rule": rule, "message": message}


def _explain_capability(schema: dict[str, Any]) -> None:
    # The API server quotes a pattern at the user; a rule can say it in words.
    pattern = schema.pop("pattern")
    schema["x-kubernetes-validations"] = [_rule(f"self.matches('{pattern}')", NOT_A_LABEL)]


class Retry(StrEnum):
    """When the router or the durable engine may start a run again."""

    NEVER = "Never"
    BEFORE_START = "BeforeStart"
    RESUME = "Resume"


class ConfigMapReference(Model):
    """A ConfigMap of the same namespace."""

    name: str = Field(min_length=1, max_length=253)
    optional: bool = Field(
        False, description="When true, the graph is accepted while the ConfigMap does not exist."
    )


class ContextSource(Model):
    """Where further context comes from; each key of the ConfigMap becomes a key of the context."""

    config_map_ref: ConfigMapReference


class RunPolicy(Model):
    """How one run of the graph is bounded."""

    timeout: Duration = Field(
        "15m",
        description="A run that takes longer ends with a timeout error; 1s to 24h.",
        json_schema_extra={
            "x-kubernetes-validations": [
                _rule(
                    "duration(self) >= duration('1s') && duration(self) <= duration('24h')",
                    TIMEOUT_RANGE,
                )
            ]
        },
    )
    recursion_limit: int = Field(
        25, ge=1, le=10_000, description="The most supersteps of one run (LangGraph's own limit)."
    )
    max_concurrency_per_replica: int = Field(
        10, ge=1, le=1000, description="Runs of this graph at one time in one pod."
    )
    priority: int = Field(
        0, ge=-100, le=100, description="Below 0, runs may be shed first when the pool is full."
    )
    retry: Retry = Field(
        Retry.BEFORE_START,
        description="Never, BeforeStart (only what provably did not start), or Resume.",
    )

    @property
    def timeout_seconds(self) -> float:
        """The run timeout in seconds."""
        return parse_duration(self.timeout)

    @model_validator(mode="after")
    def _check_timeout(self) -> Self:
        if not 1 <= self.timeout_seconds <= _DAY_SECONDS:
            raise ValueError(TIMEOUT_RANGE)
        return self


class PageMethod(StrEnum):
    """How a page may be called."""

    GET = "GET"
    POST = "POST"


class Page(Model):
    """The graph as a web page that everybody may call, without a key: `/pages/ASSISTANT_ID`.

    Its input is `{"request": {"method", "query", "form"}}`, its output has
    `{"response": {"status", "content_type", "body"}}`.
    """

    methods: list[PageMethod] = Field(
        default_factory=lambda: [PageMethod.GET, PageMethod.POST],
        min_length=1,
        max_length=2,
        description="GET, POST or both. GET should change nothing: programs follow links.",
    )


class GraphSpecSpec(Model):
    """What a team says of its graph."""

    assistant_id: Annotated[
        str,
        Field(
            alias="assistantID",
            pattern=names.ASSISTANT_ID_PATTERN,
            min_length=1,
            max_length=names.ASSISTANT_ID_LENGTH_LIMIT,
            description="The name callers use; unique in the fleet, and never changed.",
            json_schema_extra={
                "x-kubernetes-validations": [
                    _rule(
                        "self == oldSelf",
                        "assistantID is immutable: callers know the graph by it; "
                        "create another GraphSpec instead",
                    )
                ]
            },
        ),
    ]
    capability: str = Field(
        pattern=names.CAPABILITY_PATTERN,
        min_length=1,
        max_length=names.CAPABILITY_LENGTH_LIMIT,
        description="The pool that runs the graph, for example email; a DNS label.",
        json_schema_extra=_explain_capability,
    )
    module: str = Field(
        pattern=names.MODULE_PATTERN,
        min_length=1,
        max_length=253,
        description="Dotted import path, for example graphs.email_reply_graph.",
    )
    builder_attr: str = Field(
        "build_graph",
        pattern=names.ATTRIBUTE_PATTERN,
        max_length=128,
        description="Callable in the module: builder(checkpointer=None) -> graph.",
    )
    compiled_attr: str = Field(
        "graph",
        pattern=names.ATTRIBUTE_PATTERN,
        max_length=128,
        description="Compiled graph in the module, used when precompiled is true.",
    )
    precompiled: bool = Field(
        False, description="Load compiledAttr as it is, never with a checkpointer."
    )
    resumable: bool = Field(
        False, description="Compile with a checkpointer: a run whose worker was killed goes on."
    )
    context: dict[str, Any] = Field(
        default_factory=dict,
        description="LangGraph runtime context of every run of this graph; free-form.",
    )
    context_from: list[ContextSource] = Field(
        default_factory=list,
        max_length=16,
        description="ConfigMaps whose keys are added to the context; context itself wins.",
    )
    run: RunPolicy = Field(default_factory=lambda: RunPolicy())
    page: Page | None = Field(
        None, description="Serve the graph at /pages/ASSISTANT_ID to everybody, without a key."
    )
    suspend: bool = Field(False, description="Stop admission and drain, but keep the object.")

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        if self.precompiled and self.resumable:
            raise ValueError(PRECOMPILED_AND_RESUMABLE)
        if self.run.retry is Retry.RESUME and not self.resumable:
            raise ValueError(RESUME_WITHOUT_CHECKPOINTS)
        if self.page is not None and self.resumable:
            raise ValueError(PAGE_WITH_STATE)
        return self


# The same rules as above, for the API server.
SPEC_RULES = [
    _rule("!self.precompiled || !self.resumable", PRECOMPILED_AND_RESUMABLE),
    _rule(
        "!has(self.run) || self.run.retry != 'Resume' || self.resumable",
        RESUME_WITHOUT_CHECKPOINTS,
    ),
    _rule("!has(self.page) || !self.resumable", PAGE_WITH_STATE),
]


class GraphSpecStatus(Model):
    """What the operator found out."""

    observed_generation: int = 0
    pool: str = Field("", description="The pool that owns the graph now.")
    url: str = Field("", description="Where to POST a run.")
    loaded: str = Field("", description="Replicas that built this generation, of those ready.")
    conditions: list[Condition] = Field(default_factory=list)


class GraphSpec(Model):
    """One graph of the fleet (`graphwarden.dev/v1alpha1`, namespaced)."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: GraphSpecSpec
    status: GraphSpecStatus = Field(default_factory=GraphSpecStatus)

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return (self.metadata.namespace, self.metadata.name)
