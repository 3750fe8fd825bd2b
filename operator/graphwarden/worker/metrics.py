"""The worker's metrics, in base units."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from graphwarden.telemetry.figures import GraphFigures, SpanCounts, SpanFigures
from graphwarden.worker.exemplars import Case, Exemplars

_SECONDS = (0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
# OpenTelemetry's own for workflows, and three below for graphs that follow rules.
_WORKFLOW_SECONDS = (0.1, 0.25, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
_NODE_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800)
# Graphs that are made anew for each call may name their nodes as they like.
_MOST_NODES = 500
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class Parked:
    """Parked threads of a graph: all, those that are due, and for how long the first has been."""

    threads: int = 0
    due: int = 0
    lag_seconds: float = 0.0


class Metrics:
    """One set of series per worker; a registry of its own keeps two workers in a process apart."""

    def __init__(self, capability: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._capability = capability
        self.registry = CollectorRegistry()
        labels = ("assistant_id", "capability")
        self._runs = Counter(
            "graphwarden_runs_total",
            "Runs that ended, by outcome.",
            (*labels, "outcome"),
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "graphwarden_runs_in_flight", "Runs in flight.", labels, registry=self.registry
        )
        self._waiting = Gauge(
            "graphwarden_runs_pending",
            "Stored runs that wait for a worker or for their thread, fleet-wide.",
            labels,
            registry=self.registry,
        )
        self._due = Gauge(
            "graphwarden_threads_due",
            "Parked threads whose time has come and that nobody has woken yet, fleet-wide.",
            labels,
            registry=self.registry,
        )
        self._crons = Counter(
            "graphwarden_crons_due_total",
            "Crons that came due, by what became of it: started, skipped, disabled.",
            (*labels, "outcome"),
            registry=self.registry,
        )
        self._webhooks = Counter(
            "graphwarden_webhook_attempts_total",
            "Webhooks sent, by outcome: delivered, failed (sent again), dropped (given up).",
            ("capability", "outcome"),
            registry=self.registry,
        )
        self._loaded = Gauge(
            "graphwarden_graph_loaded",
            "1 when the graph can be called here, else 0.",
            labels,
            registry=self.registry,
        )
        self._lost = Gauge(
            "graphwarden_lost_runs",
            "Runs that ended while threads of theirs go on; they keep their places.",
            labels,
            registry=self.registry,
        )
        self._blocks = Counter(
            "graphwarden_event_loop_blocks_total",
            "Times that code of a graph kept the event loop from turning.",
            labels,
            registry=self.registry,
        )
        self._blocked = Counter(
            "graphwarden_event_loop_blocked_seconds_total",
            "Time for which code of a graph kept the event loop from turning.",
            labels,
            registry=self.registry,
        )
        self._memory = Gauge(
            "graphwarden_memory_limit_bytes",
            "The memory beyond which runs are ended; 0 for no limit.",
            registry=self.registry,
        )
        self._workflows = Histogram(
            "gen_ai_workflow_duration_seconds",
            "How long runs took, by graph and by the type of their error.",
            ("gen_ai_workflow_name", "error_type"),
            buckets=_WORKFLOW_SECONDS,
            registry=self.registry,
        )
        self._nodes = Histogram(
            "graphwarden_node_duration_seconds",
            "How long attempts of nodes took.",
            ("assistant_id", "node", "outcome"),
            buckets=_NODE_SECONDS,
            registry=self.registry,
        )
        self._run_cases = Exemplars(_WORKFLOW_SECONDS)
        self._node_cases = Exemplars(_NODE_SECONDS)
        self._known_nodes: set[tuple[str, str]] = set()
        self._known_errors: set[str] = set()
        self._requests = Histogram(
            "http_server_request_duration_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ("http_request_method", "http_route", "http_response_status_code"),
            buckets=_SECONDS,
            registry=self.registry,
        )

        self._parked = Gauge(
            "graphwarden_threads_parked",
            "Threads that wait for their time, fleet-wide.",
            labels,
            registry=self.registry,
        )
        self._lag = Gauge(
            "graphwarden_wake_lag_seconds",
            "For how long the parked thread that is due longest has been due, fleet-wide.",
            labels,
            registry=self.registry,
        )
        self.registry.register(GraphFigures(self._list_names))

    def _list_names(self) -> set[str]:
        own = vars(self).values()
        return {m._name for m in own if isinstance(m, Counter | Gauge | Histogram)}

    def count_spans(self, counts: SpanCounts) -> None:
        """Tell how it stands with spans."""
        self.registry.register(SpanFigures(counts))

    def run_started(self, assistant_id: str) -> None:
        """A run took a place."""
        self._in_flight.labels(assistant_id, self._capability).inc()

    def run_left(self, assistant_id: str) -> None:
        """A run gave its place back."""
        self._in_flight.labels(assistant_id, self._capability).dec()

    def run_ended(self, assistant_id: str, outcome: str) -> None:
        """A run ended: success, error, timeout, interrupted, or lost at the end of a drain."""
        self._runs.labels(assistant_id, self._capability, outcome).inc()

    def workflow_ended(
        self, assistant_id: str, error: str, seconds: float, case: Case | None
    ) -> None:
        """A run took so long; `error` is the type of what ended it, empty where nothing did."""
        series = (assistant_id, _bound(self._known_errors, error, _MOST_NODES))
        exemplar = self._run_cases.choose(series, seconds, case)
        self._workflows.labels(*series).observe(seconds, exemplar)

    def node_ended(
        self,
        assistant_id: str,
        node: str,
        outcome: str,
        seconds: float,
        case: Case | None,
    ) -> None:
        """An attempt of a node ended: success, error, interrupted or cancelled."""
        if (assistant_id, node) not in self._known_nodes:
            if len(self._known_nodes) >= _MOST_NODES:
                node = _OTHER
            else:
                self._known_nodes.add((assistant_id, node))
        series = (assistant_id, node, outcome)
        exemplar = self._node_cases.choose(series, seconds, case)
        self._nodes.labels(*series).observe(seconds, exemplar)

    def run_lost(self, assistant_id: str) -> None:
        """A run ended and threads of it go on."""
        self._lost.labels(assistant_id, self._capability).inc()

    def run_found(self, assistant_id: str) -> None:
        """The last thread of such a run ended."""
        self._lost.labels(assistant_id, self._capability).dec()

    def loop_blocked(self, assistant_id: str, seconds: float) -> None:
        """The event loop turns again; `assistant_id` is empty where no run was at work."""
        self._blocks.labels(assistant_id, self._capability).inc()
        self._blocked.labels(assistant_id, self._capability).inc(seconds)

    def memory_limited(self, limit: int) -> None:
        """The limit that holds."""
        self._memory.set(limit)

    def runs_counted(self, assistant_id: str, waiting: int, parked: Parked) -> None:
        """What the database holds for a graph."""
        self._waiting.labels(assistant_id, self._capability).set(waiting)
        self._due.labels(assistant_id, self._capability).set(parked.due)
        self._parked.labels(assistant_id, self._capability).set(parked.threads)
        self._lag.labels(assistant_id, self._capability).set(parked.lag_seconds)

    def cron_due(self, assistant_id: str, outcome: str) -> None:
        """A cron came due: started, skipped, or disabled."""
        self._crons.labels(assistant_id, self._capability, outcome).inc()

    def webhook_sent(self, outcome: str) -> None:
        """One try to deliver a webhook: delivered, failed, or dropped for good."""
        self._webhooks.labels(self._capability, outcome).inc()

    def graph_changed(self, assistant_id: str, loaded: bool) -> None:
        """A row was loaded or failed to."""
        self._loaded.labels(assistant_id, self._capability).set(1 if loaded else 0)

    def graph_removed(self, assistant_id: str) -> None:
        """A row left the registry: its series must not say 0 for ever."""
        self._loaded.remove(assistant_id, self._capability)

    def request_ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The series in the format of Prometheus that is asked for, and the format's name."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


def _bound(known: set[str], value: str, most: int) -> str:
    """The value, or one word for all beyond a number of them."""
    if value not in known and len(known) >= most:
        return _OTHER
    known.add(value)
    return value
