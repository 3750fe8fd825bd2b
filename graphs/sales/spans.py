"""What a graph does outside itself: spans by OpenTelemetry, figures by prometheus_client.

Each is nothing where its package is not installed.

    with span("smtp send", {"server.address": host, "server.port": 25}, kind="client") as sending:
        code = send(mail)
        sending.set({"smtp.response.code": code})

    count("mail.sends", outcome="accepted")

A span is a child of the node that runs, in asynchronous nodes and in threads alike, and is the
current one while the block lasts. An exception that leaves the block makes it an error, by the
exception's type alone: messages quote what people wrote. Attributes are numbers, booleans and
words of ours: no addresses, no texts of mails, no prompts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from langgraph.errors import GraphBubbleUp

try:
    from opentelemetry import trace
except ImportError:
    trace = None  # type: ignore[assignment]
try:
    import prometheus_client
except ImportError:
    prometheus_client = None  # type: ignore[assignment]

Kind = Literal["internal", "client", "producer", "consumer"]
Value = str | bool | int | float
# What is None is left out.
Attributes = Mapping[str, Value | None]

_NAME = "graphs.sales"
_HELP = "Counted by the graphs of this pool."
# OpenTelemetry's own bounds for calls of models: seconds, and amounts such as tokens.
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_AMOUNTS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)
_MOST_SERIES = 200


class Span:
    """One piece of work. Every method does nothing where nobody records."""

    __slots__ = ("_span",)

    def __init__(self, recorded: Any = None) -> None:
        self._span = recorded

    def set(self, attributes: Attributes | None = None, /, **more: Value | None) -> None:
        """Say more of it."""
        if self._span is not None:
            self._span.set_attributes(_known(attributes, more))

    def event(
        self, name: str, attributes: Attributes | None = None, /, **more: Value | None
    ) -> None:
        """Something that happened on the way."""
        if self._span is not None:
            self._span.add_event(name, _known(attributes, more))

    def fail(self, kind: str) -> None:
        """It went wrong without an exception. `kind` is a word out of few, such as `bounced`."""
        if self._span is not None:
            self._span.set_attribute("error.type", kind)
            self._span.set_status(trace.StatusCode.ERROR)


_NOWHERE = Span()


@contextmanager
def span(
    name: str,
    attributes: Attributes | None = None,
    /,
    *,
    kind: Kind = "internal",
    **more: Value | None,
) -> Iterator[Span]:
    """A span around a block, current while it lasts.

    Args:
        name: of low cardinality: `smtp send`, `SELECT contacts`, never with an id in it.
        attributes: by OpenTelemetry's names where it has one.
        kind: `client` for a call to something else, such as a database, a web or a mail server.
        more: attributes whose names have no dots.
    """
    if trace is None:
        yield _NOWHERE
        return
    tracer = trace.get_tracer(_NAME)
    kind_of = trace.SpanKind[kind.upper()]
    with tracer.start_as_current_span(
        name,
        kind=kind_of,
        attributes=_known(attributes, more),
        record_exception=False,
        set_status_on_exception=False,
    ) as recorded:
        told = Span(recorded)
        try:
            yield told
        except GraphBubbleUp:
            # A question to a person is how a graph waits, not how it fails.
            raise
        except BaseException as error:
            told.fail(type(error).__name__)
            raise


def count(name: str, labels: Mapping[str, str] | None = None, /, **more: str) -> None:
    """Add one to a counter. Labels are words out of few: never an id, an address or a campaign.

    `mail.sends` is `mail_sends_total` to Prometheus. Its labels are those of its first use.
    """
    if prometheus_client is not None:
        told = {**(labels or {}), **more}
        _find_counter(_spell(name), _spell_all(told)).count(told)


def measure(
    name: str,
    value: float,
    labels: Mapping[str, str] | None = None,
    /,
    *,
    unit: str = "s",
    **more: str,
) -> None:
    """Add a value to a histogram; labels as for `count`. Seconds are in the name."""
    if prometheus_client is not None:
        told = {**(labels or {}), **more}
        spelled = _spell(name) + ("_seconds" if unit == "s" else "")
        _find_histogram(spelled, _spell_all(told), unit).measure(told, value)


class _Figure:
    """One figure of Prometheus, with no more series than a person could look at."""

    def __init__(self, figure: Any, labels: tuple[str, ...]) -> None:
        self._figure = figure
        self._labels = labels
        self._known: set[tuple[str, ...]] = set()

    def count(self, told: Mapping[str, str]) -> None:
        self._find(told).inc(1, _make_exemplar())

    def measure(self, told: Mapping[str, str], value: float) -> None:
        self._find(told).observe(value, _make_exemplar())

    def _find(self, told: Mapping[str, str]) -> Any:
        if not self._labels:
            return self._figure
        spelled = {_spell(name): str(value) for name, value in told.items()}
        values = tuple(spelled.get(name, "") for name in self._labels)
        if values not in self._known and len(self._known) >= _MOST_SERIES:
            values = ("other",) * len(self._labels)
        self._known.add(values)
        return self._figure.labels(*values)


# By name: whoever uses a figure later with other labels gets the one that there is.
_figures: dict[str, _Figure] = {}


def _find_counter(name: str, labels: tuple[str, ...]) -> _Figure:
    if name not in _figures:
        _figures[name] = _Figure(prometheus_client.Counter(name, _HELP, labels), labels)
    return _figures[name]


def _find_histogram(name: str, labels: tuple[str, ...], unit: str) -> _Figure:
    if name not in _figures:
        bounds = _SECONDS if unit == "s" else _AMOUNTS
        made = prometheus_client.Histogram(name, _HELP, labels, buckets=bounds)
        _figures[name] = _Figure(made, labels)
    return _figures[name]


def _make_exemplar() -> dict[str, str] | None:
    """The span at work, where somebody would find it."""
    ids = trace.get_current_span().get_span_context() if trace is not None else None
    if ids is None or not ids.trace_flags.sampled:
        return None
    return {"trace_id": f"{ids.trace_id:032x}", "span_id": f"{ids.span_id:016x}"}


def _spell(name: str) -> str:
    return name.replace(".", "_")


def _spell_all(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(map(_spell, labels)))


def _known(attributes: Attributes | None, more: Attributes) -> dict[str, Value]:
    told = {**(attributes or {}), **more}
    return {name: value for name, value in told.items() if value is not None}
