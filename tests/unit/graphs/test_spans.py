"""The seam for spans inside graphs, with OpenTelemetry's own tracer behind it and without any."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from langgraph.errors import GraphInterrupt
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel

from graphs.sales.spans import span
from graphs.sales.tasks import Task, run_task


class Greeting(BaseModel):
    text: str


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (found,) = exporter.get_finished_spans()
    return found


def test_a_span_has_its_kind_and_the_attributes_that_are_known(
    ended: InMemorySpanExporter,
) -> None:
    with span("smtp send", {"server.address": "mx", "server.port": None}, kind="client") as sending:
        sending.set({"smtp.response.code": 250})
    found = only(ended)
    assert found.name == "smtp send"
    assert found.kind is trace.SpanKind.CLIENT
    assert dict(found.attributes or {}) == {"server.address": "mx", "smtp.response.code": 250}


def test_a_span_within_another_is_its_child(ended: InMemorySpanExporter) -> None:
    with span("outer"), span("inner"):
        pass
    inner, outer = ended.get_finished_spans()
    assert inner.parent is not None
    assert inner.parent.span_id == outer.get_span_context().span_id


def test_an_exception_is_an_error_by_its_type_and_its_message_is_not_told(
    ended: InMemorySpanExporter,
) -> None:
    with pytest.raises(ValueError, match="ann"), span("x"):
        raise ValueError("ann@example.org is unknown")
    found = only(ended)
    assert found.status.status_code is trace.StatusCode.ERROR
    assert dict(found.attributes or {}) == {"error.type": "ValueError"}
    assert "ann" not in found.to_json()


def test_an_interrupt_is_no_error(ended: InMemorySpanExporter) -> None:
    with pytest.raises(GraphInterrupt), span("x"):
        raise GraphInterrupt(())
    assert only(ended).status.status_code is trace.StatusCode.UNSET


async def test_a_task_that_follows_rules_is_a_span_without_its_words(
    ended: InMemorySpanExporter,
) -> None:
    task = Task(
        "greet", "1", Greeting, "Write to {{ name }}.", lambda v: Greeting(text=f"Hi {v['name']}")
    )
    await run_task(task, {"name": "Ann"})
    found = only(ended)
    assert found.name == "run_task rules"
    assert found.attributes is not None
    assert found.attributes["task.name"] == "greet"
    assert "Ann" not in found.to_json()


def test_without_opentelemetry_a_span_is_nothing() -> None:
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from graphs.sales.spans import count, measure, span\n"
        "with span('x', kind='client') as one: one.set(a=1); one.event('e'); one.fail('f')\n"
        "count('c', a='b'); measure('m', 1.0); print('done')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("done\n", "")
