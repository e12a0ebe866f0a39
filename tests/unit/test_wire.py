"""The bytes that we write for spans mean what OpenTelemetry's own writer means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from letta_otel.wire import spans_request
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

SCOPE = InstrumentationScope("letta_otel", "1")
PROCESSES = [Resource({"service.name": "letta-bridge", "process.pid": pid}) for pid in (1, 2)]

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
numbers = st.integers(-(2**63), 2**63 - 1)
values = st.one_of(words, st.booleans(), numbers, st.floats(allow_nan=False), st.lists(words, max_size=3).map(tuple))
attributes = st.dictionaries(words, values, max_size=14)
contexts = st.builds(
    SpanContext,
    trace_id=st.integers(1, 2**128 - 1),
    span_id=st.integers(1, 2**64 - 1),
    is_remote=st.booleans(),
    trace_flags=st.just(TraceFlags(1)),
    trace_state=st.sampled_from([TraceState(), TraceState([("a", "1"), ("b@c", "x=y")])]),
)
statuses = st.one_of(
    st.sampled_from([Status(StatusCode.UNSET), Status(StatusCode.OK)]),
    words.map(lambda text: Status(StatusCode.ERROR, text)),
)
spans = st.builds(
    ReadableSpan,
    name=words,
    context=contexts,
    parent=st.none() | contexts,
    resource=st.sampled_from(PROCESSES),
    attributes=attributes,
    links=st.lists(st.builds(Link, contexts, attributes), max_size=2),
    kind=st.sampled_from(SpanKind),
    status=statuses,
    start_time=st.integers(1, 2**63),
    end_time=st.integers(1, 2**63),
    instrumentation_scope=st.just(SCOPE),
)


@given(st.lists(spans, min_size=1, max_size=4))
def test_any_span_is_read_as_the_one_that_opentelemetry_writes(batch: list[ReadableSpan]) -> None:
    batch.sort(key=lambda span: PROCESSES.index(span.resource))  # each process's in one piece, as theirs are
    assert ExportTraceServiceRequest.FromString(spans_request(batch)) == encode_spans(batch)


def test_values_that_are_equal_and_of_different_types_stay_apart() -> None:
    context = SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(1))
    for value in (1, True, 1.0, "1"):
        span = ReadableSpan("x", context=context, resource=PROCESSES[0], attributes={"a": value})
        assert ExportTraceServiceRequest.FromString(spans_request([span])) == encode_spans([span])


def test_what_is_not_written_here_is_refused_by_name() -> None:
    context = SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(1))
    with pytest.raises(TypeError, match="span x: it has events"):
        spans_request([ReadableSpan("x", context=context, resource=PROCESSES[0], events=[Event("e")])])
    with pytest.raises(TypeError, match="a dict cannot be"):
        spans_request([ReadableSpan("x", context=context, resource=PROCESSES[0], attributes={"a": {}})])
