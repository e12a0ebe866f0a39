"""How is telemetry made that can be told apart later? Spans, log records and samples by their number, as OTLP."""

from __future__ import annotations

import time
from collections.abc import Iterable

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from testbed.pipeline.rig import LOG_SCOPE

COUNTER = "letta.bridge.requests"
COUNTER_IN_PROMETHEUS = "letta_bridge_requests_total"
_WARN, _CUMULATIVE = 13, 2  # SeverityNumber of logs.proto, AggregationTemporality of metrics.proto


def text(name: str, value: str) -> KeyValue:
    """Return an attribute."""
    return KeyValue(key=name, value=AnyValue(string_value=value))


def span_name(number: int) -> str:
    """Return how the double of APM writes down the span of this number."""
    return f"{number:032x} {number:016x}"


def line_body(number: int) -> str:
    """Return the words of the log record of this number."""
    return f"line {number}"


def span(number: int, *, took_s: float = 0.01, is_error: bool = False) -> Span:
    """Return a trace of one span."""
    now = time.time_ns()
    made = Span(
        trace_id=number.to_bytes(16, "big"),
        span_id=(number % 2**64 or 1).to_bytes(8, "big"),
        name="process letta_requests",
        kind=Span.SPAN_KIND_CONSUMER,
        start_time_unix_nano=now - round(took_s * 1e9),
        end_time_unix_nano=now,
    )
    if is_error:
        made.status.code = made.status.STATUS_CODE_ERROR
    return made


def traces(spans: Iterable[Span], *resource: KeyValue) -> ExportTraceServiceRequest:
    """Return a request with these spans of a bridge."""
    request = ExportTraceServiceRequest()
    one = request.resource_spans.add()
    one.resource.attributes.extend([text("service.name", "letta-bridge"), *resource])
    scope = one.scope_spans.add()
    scope.scope.name = LOG_SCOPE
    scope.spans.extend(spans)
    return request


def logs(bodies: Iterable[str]) -> ExportLogsServiceRequest:
    """Return a request with a warning for each of these texts."""
    request = ExportLogsServiceRequest()
    one = request.resource_logs.add()
    one.resource.attributes.append(text("service.name", "letta-bridge"))
    scope = one.scope_logs.add()
    scope.scope.name = LOG_SCOPE
    for body in bodies:
        record = scope.log_records.add()
        record.time_unix_nano = time.time_ns()
        record.severity_number, record.severity_text = _WARN, "WARN"  # type: ignore[assignment]  # a number is one
        record.body.string_value = body
    return request


def counts(values: Iterable[int], *, began_ns: int, every_ns: int) -> ExportMetricsServiceRequest:
    """Return a request with a counter that began at 0 and rises by one every `every_ns`, at each of these values.

    The time of a sample is when it was due, however late it is sent: a Prometheus keeps one sample a millisecond.
    """
    request = ExportMetricsServiceRequest()
    one = request.resource_metrics.add()
    one.resource.attributes.extend([text("service.name", "letta-bridge"), text("service.instance.id", "i-1")])
    metric = one.scope_metrics.add().metrics.add()
    metric.name, metric.unit = COUNTER, "{request}"
    metric.sum.aggregation_temporality, metric.sum.is_monotonic = _CUMULATIVE, True  # type: ignore[assignment]
    for value in values:
        at_ns = began_ns + value * every_ns
        metric.sum.data_points.add(as_int=value, start_time_unix_nano=began_ns, time_unix_nano=at_ns)
    return request
