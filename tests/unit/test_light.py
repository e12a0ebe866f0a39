"""Who decides whether a span is sent, and whose child is it?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from letta_otel.context import extract
from letta_otel.light import LightSpans
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    made = InMemorySpanExporter()
    yield made
    made.shutdown()


def spans(exporter: InMemorySpanExporter, sampler: Sampler) -> LightSpans:
    return LightSpans(SimpleSpanProcessor(exporter), sampler, Resource({}), "letta_otel")


def begin(made: LightSpans, context: Context | None = None) -> Span:
    return made.begin("one", SpanKind.INTERNAL, {}, context=context or Context())


@pytest.mark.parametrize("flags", ["00", "01"])
def test_the_sender_decides_whether_a_trace_is_sent(exporter: InMemorySpanExporter, flags: str) -> None:
    sender = extract({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-{flags}", "tracestate": "vendor=1"})
    made = spans(exporter, ParentBased(ALWAYS_ON))
    first = begin(made, sender)
    child = begin(made, set_span_in_context(first))
    child.end()
    first.end()
    for span in (first, child):  # it goes on to Letta all the same
        context = span.get_span_context()
        assert (format(context.trace_id, "032x"), context.trace_flags) == (TRACE, int(flags))
        assert context.trace_state.to_header() == "vendor=1"
    assert first.get_span_context().span_id != child.get_span_context().span_id
    assert len(exporter.get_finished_spans()) == (2 if flags == "01" else 0)


def test_a_sampler_that_is_off_sends_nothing_and_the_trace_has_its_ids(exporter: InMemorySpanExporter) -> None:
    span = begin(spans(exporter, ALWAYS_OFF))
    span.end()
    assert span.get_span_context().is_valid
    assert exporter.get_finished_spans() == ()


def test_a_span_ends_once_and_with_what_was_said_by_then(exporter: InMemorySpanExporter) -> None:
    span = begin(spans(exporter, ALWAYS_ON))
    span.set_attribute("a", 1)
    span.set_attributes({"b": "x"})
    span.set_status(Status(StatusCode.ERROR, "timeout"))
    span.update_name("two")
    assert span.is_recording()
    span.end(end_time=5)
    span.end()
    assert not span.is_recording()
    (told,) = exporter.get_finished_spans()
    assert (told.name, dict(told.attributes or {}), told.status.description) == ("two", {"a": 1, "b": "x"}, "timeout")
    assert told.end_time == 5


def test_nothing_of_an_exception_is_kept(exporter: InMemorySpanExporter) -> None:
    span = begin(spans(exporter, ALWAYS_ON))
    span.record_exception(ValueError("13800138000"))
    span.add_event("said", {"text": "13800138000"})
    span.end()
    (told,) = exporter.get_finished_spans()
    assert told.events == ()
