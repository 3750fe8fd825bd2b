"""What a graph does outside itself, as spans and figures; all of it nothing without OpenTelemetry.

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

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from langgraph.errors import GraphBubbleUp

try:
    from opentelemetry import metrics, trace
except ImportError:
    trace = metrics = None  # type: ignore[assignment]

Kind = Literal["internal", "client", "producer", "consumer"]
Value = str | bool | int | float
# What is None is left out.
Attributes = Mapping[str, Value | None]

_NAME = "graphs.sales"


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
    """Add one to a counter. Labels are words out of few: never an id, an address or a campaign."""
    if metrics is not None:
        _find_counter(name).add(1, {**(labels or {}), **more})


def measure(
    name: str,
    value: float,
    labels: Mapping[str, str] | None = None,
    /,
    *,
    unit: str = "s",
    **more: str,
) -> None:
    """Add a value to a histogram; labels as for `count`."""
    if metrics is not None:
        _find_histogram(name, unit).record(value, {**(labels or {}), **more})


@functools.cache
def _find_counter(name: str) -> Any:
    return metrics.get_meter(_NAME).create_counter(name)


@functools.cache
def _find_histogram(name: str, unit: str) -> Any:
    return metrics.get_meter(_NAME).create_histogram(name, unit)


def _known(attributes: Attributes | None, more: Attributes) -> dict[str, Value]:
    told = {**(attributes or {}), **more}
    return {name: value for name, value in told.items() if value is not None}
