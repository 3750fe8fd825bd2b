"""Where our answers are others than the reference server's, and why.

Each entry is about calls (`trace:number METHOD path`) and places of their answers, both as
patterns of `fnmatch`. What is not listed here fails the tests; so does what no longer occurs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from contract.replay_compare import Difference


@dataclass(frozen=True)
class Known:
    """A difference that is meant."""

    calls: str
    where: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        """Whether this is one of those."""
        return fnmatchcase(difference.call, self.calls) and fnmatchcase(
            difference.where, self.where
        )


_ERRORS = "errors carry `reason` and `trace_id` too"
_KWARGS = "kwargs are the run's fields as they were sent, not the internals of another server"
_LABELS = "labels of the reference's product, its plan, users and addresses, on each run"
_SCHEMA = "the field is named, without the JSON Schema that was broken"
_V2_MODES = "every channel that was asked for is sent; the reference left some out"
_ASSISTANTS = "assistants/*"

KNOWN = (
    # Everywhere.
    Known("*", "more body/reason", _ERRORS),
    Known("*", "more body/trace_id", _ERRORS),
    Known("*", "more event end", "a stream that ended by itself says so"),
    Known("*", "less *metadata/langgraph_version", _LABELS),
    Known("*", "less *metadata/langgraph_api_version", _LABELS),
    Known("*", "less *metadata/langgraph_plan", _LABELS),
    Known("*", "less *metadata/langgraph_host", _LABELS),
    Known("*", "less *metadata/langgraph_api_url", _LABELS),
    Known("*", "less *metadata/langgraph_auth_user_id", _LABELS),
    Known("*", "less *metadata/langgraph_request_id", _LABELS),
    Known("*", "less *metadata/user_id", _LABELS),
    Known("stateless_runs_and_streams:12 *", "less event messages/1/langgraph_*", _LABELS),
    # Assistants.
    Known("*", "more body/*metadata/resumable", "says which graphs may run on threads"),
    Known("*", "more body/*metadata/capability", "says which pool serves the graph"),
    Known(
        "assistants_and_meta:[13] *",
        "other body/*",
        "defaults have no times of their own, so they come by name and not by start",
    ),
    Known(
        "assistants_and_meta:3 *",
        "other header x-pagination-total",
        "the total is of all that match, not one more than the page",
    ),
    Known("* GET /assistants/echo", "*", "a graph's name is an id too"),
    Known("assistants_and_meta:8 *", "other body/detail", "names what was not found"),
    Known(
        "* GET /assistants/*/subgraphs*",
        "other body/sub/state_schema/title",
        "LangGraph's own name for the state of a graph without a name",
    ),
    Known(
        "* POST /assistants/*/latest",
        "* body/context/*",
        "an earlier version comes back as it was, its context too",
    ),
    # The server itself.
    Known("* OPTIONS *", "* status", "a preflight is answered without a body"),
    Known("* OPTIONS *", "less header content-type", "a preflight is answered without a body"),
    Known("* OPTIONS *", "other body", "a preflight is answered without a body"),
    Known("* OPTIONS *", "other header access-control-allow-methods", "QUERY is not served"),
    Known("*", "* header access-control-expose-headers", "browsers may read the trace too"),
    Known(
        "assistants_and_meta:30 *",
        "more header access-control-allow-headers",
        "Studio may call from a public page; Chrome asks for it",
    ),
    Known(
        "assistants_and_meta:31 *",
        "more header access-control-allow-private-network",
        "the same for every answer, not for preflights alone",
    ),
    Known("* PUT /assistants/search", "other body/detail", "says how the path is served"),
    Known("* GET /openapi.json", "* body/*", "our own description of what is served"),
    Known("* GET /info", "* body/*", "our own version, no LangSmith, no foreign Python package"),
    Known("* GET /metrics?format=json", "* *", "Prometheus text, of whatever format was asked"),
    Known("* GET /ready", "*", "a readiness probe for Kubernetes"),
    Known("* POST /mcp/", "*", "a path has one spelling: it is /mcp"),
    # Requests that are wrong.
    Known("assistants_and_meta:2[56] *", "other body/detail", _SCHEMA),
    Known(
        "stateless_runs_and_streams:3 *",
        "other body/detail",
        "the same sentence; the graphs of all pools come by name",
    ),
    Known("stateless_runs_and_streams:5 *", "other body/detail", _SCHEMA),
    Known("stateless_runs_and_streams:15 *", "other body/detail", _SCHEMA),
    Known("store_crons_misc:3 *", "other body/detail", _SCHEMA),
    Known(
        "stateless_runs_and_streams:16 *",
        "*",
        "feedback needs LangSmith and is refused at once; the reference's stream ends in an error",
    ),
    Known(
        "threads_state_history:[47] *",
        "other body/detail",
        "the same sentence, and the other form of an id that is taken",
    ),
    Known(
        "* GET /threads/*/runs/00000000-*/join",
        "*",
        "a run that is not there is a plain 404, as documented",
    ),
    Known("* PUT /store/items", "more header content-type", "errors are JSON here too"),
    Known("store_crons_misc:2 *", "other body", "errors are JSON here too"),
    Known("store_crons_misc:7 *", "* body/*", "errors have one form: `detail`, never `error`"),
    # Runs.
    Known("* POST /runs/wait", "less body/__interrupt__/0/response_schema", "only when it is set"),
    Known(
        "stateless_runs_and_streams:9 *",
        "more event checkpoints",
        "the mode was asked for; the reference keeps no checkpoint of such a run",
    ),
    Known(
        "stateless_runs_and_streams:9 *",
        "more event debug",
        "checkpoints are a part of debug; the reference keeps none of such a run",
    ),
    Known(
        "* POST /runs",
        "other header content-location",
        "the run's whole place, which clients read too",
    ),
    Known("* POST /runs*", "more body/*metadata/graph_id", "each run says its graph"),
    Known("*", "* body/*kwargs/*", _KWARGS),
    Known("*", "less body/*langsmith_session_name", "there is no LangSmith"),
    Known(
        "cancel_multitask_join_resume:6 *",
        "more event metadata",
        "each stream begins with the run's metadata, whatever modes were asked for",
    ),
    Known(
        "cancel_multitask_join_resume:21 *",
        "more id",
        "whoever reads before the run begins can take the stream up again",
    ),
    # Threads.
    Known("* POST /threads*", "more body/error", "a thread always has all its fields"),
    Known("* POST /threads*", "more body/interrupts", "a thread always has all its fields"),
    Known("* GET /threads/*", "more body/error", "a thread always has all its fields"),
    Known("* GET /threads/*", "more body/interrupts", "a thread always has all its fields"),
    Known("* POST /threads/*/copy", "more body/values", "a thread always has all its fields"),
    Known("*", "less body/*config/configurable", "nothing was configured"),
    Known("*", "less body/*metadata/thread_id", "it is in `checkpoint`, where clients look"),
    Known(
        "* GET /threads/*/state/1*", "more body/checkpoint/checkpoint_ns", "RemoteGraph needs it"
    ),
    Known(
        "threads_state_history:2[467] *",
        "other body/*",
        "what was edited is there; the reference still shows the state before the edit",
    ),
    Known(
        "threads_state_history:31 *",
        "other body/foo",
        "what was edited is there; the reference still shows the state before the edit",
    ),
    Known(
        "threads_state_history:28 *",
        "other body",
        "a count of all threads, of which the reference had more from before",
    ),
    Known(
        "threads_state_history:45 *",
        "*",
        "keep_latest works; the reference has it with PostgreSQL only",
    ),
    Known(
        "cancel_multitask_join_resume:9 *",
        "other body/metadata/assistant_id",
        "graph and assistant are of the same run; the reference mixes two",
    ),
    # Protocol version 2.
    Known("protocol_v2:[45] *", "* event values", "told before the interrupt that it led to"),
    Known("protocol_v2:[45] *", "more event *data/value", "Python's client reads this name"),
    Known("protocol_v2:17 *", "more event checkpoints", _V2_MODES),
    Known("protocol_v2:17 *", "more event tasks", _V2_MODES),
    Known("protocol_v2:17 *", "more event updates", _V2_MODES),
    Known("protocol_v2:21 *", "more event updates", _V2_MODES),
    Known("protocol_v2:24 *", "more event custom", _V2_MODES),
    Known(
        "protocol_v2:17 *", "* event messages/*", "message, node and metadata by LangChain's names"
    ),
    Known("protocol_v2:21 *", "* event lifecycle", "a subgraph starts before its first values"),
)


def find_unknown(differences: Iterable[Difference]) -> list[str]:
    """Differences that nothing here explains."""
    return [str(one) for one in differences if not any(known.covers(one) for known in KNOWN)]


def find_outdated(differences: Iterable[Difference]) -> list[Known]:
    """Entries for which there is nothing any more."""
    seen = list(differences)
    return [known for known in KNOWN if not any(known.covers(one) for one in seen)]
