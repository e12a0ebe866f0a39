"""What is sent is held against the registry: each kind of fault is found, and a faultless sending has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from letta_otel.conventions import metrics, spans
from letta_otel.live_check import Fault, Finding, LiveCheck
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Value = str | int | float | bool
CUMULATIVE, DELTA = 2, 1

ROUTED: dict[str, Value] = {"letta.bridge.route": "letta"}
SEND: dict[str, Value] = {
    "messaging.system": "redis",
    "messaging.destination.name": "letta_responses",
    "messaging.operation.name": "publish",
    "messaging.operation.type": "send",
}


def pairs(given: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=name, value=any_value(value)) for name, value in given.items()]


def any_value(value: Value) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(double_value=value) if isinstance(value, float) else AnyValue(string_value=value)


def sent_metrics(*every: Metric, scope: str = "letta_otel", instance: str = "one") -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.extend(pairs({"service.name": "letta-bridge", "service.instance.id": instance}))
    part = resource.scope_metrics.add()
    part.scope.name = scope
    part.metrics.extend(every)
    return request


def counter(
    name: str = "letta.bridge.requests",
    unit: str = "{request}",
    *,
    given: Mapping[str, Value] = ROUTED,
    temporality: int = CUMULATIVE,
    is_monotonic: bool = True,
) -> Metric:
    one = Metric(name=name, unit=unit)
    one.sum.aggregation_temporality = temporality  # type: ignore[assignment]  # a plain number on the wire
    one.sum.is_monotonic = is_monotonic
    one.sum.data_points.add(as_int=3, attributes=pairs(given))
    return one


def histogram(edges: tuple[float, ...]) -> Metric:
    one = Metric(name="letta.bridge.queue.wait", unit="s")
    one.histogram.aggregation_temporality = CUMULATIVE  # type: ignore[assignment]  # a plain number on the wire
    one.histogram.data_points.add(count=1, explicit_bounds=edges)
    return one


def sent_span(
    name: str = "send letta_responses",
    kind: int = Span.SPAN_KIND_PRODUCER,
    given: Mapping[str, Value] = SEND,
    scope: str = "letta_otel",
) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    part = request.resource_spans.add().scope_spans.add()
    part.scope.name = scope
    part.spans.add(name=name, kind=kind, attributes=pairs(given))
    return request


def sent_log(given: Mapping[str, Value]) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(attributes=pairs(given))
    return request


def faults(check: LiveCheck) -> list[Fault]:
    return [finding.fault for finding, _ in check.findings()]


def test_what_keeps_to_the_registry_has_no_findings() -> None:
    check = LiveCheck()
    check.take_metrics(sent_metrics(counter(), histogram(metrics.LETTA_BRIDGE_QUEUE_WAIT.edges)))
    check.take_spans(sent_span())
    check.take_logs(sent_log({"messaging.message.id": "0c9cf7ac"}))
    expected = check.findings(
        expected_metrics=["letta.bridge.requests", "letta.bridge.queue.wait"],
        expected_spans=[spans.LETTA_BRIDGE_SEND.id],
    )
    assert expected == ()


@pytest.mark.parametrize(
    ("metric", "fault"),
    [
        (counter("letta.bridge.request"), "unknown metric"),
        (counter(unit="1"), "wrong unit"),
        (counter(is_monotonic=False), "wrong instrument"),
        (counter(temporality=DELTA), "wrong temporality"),
        (counter(given={}), "attribute missing"),
        (counter(given={"letta.bridge.route": "elsewhere"}), "value not allowed"),
        (counter(given={"letta.bridge.route": 7}), "wrong type"),
        (counter(given={**ROUTED, "user": "ann"}), "unknown attribute"),
        (counter(given={**ROUTED, "letta.bridge.outcome": "success"}), "unknown attribute"),
        (counter(given={**ROUTED, "http.status_code": 200}), "deprecated spelling"),
        (histogram((0.1, 2.0)), "wrong edges"),
    ],
    ids=lambda one: one if isinstance(one, str) else one.name,
)
def test_a_faulty_metric_is_found(metric: Metric, fault: Fault) -> None:
    check = LiveCheck()
    check.take_metrics(sent_metrics(metric))
    assert faults(check) == [fault]


@pytest.mark.parametrize(
    ("request_of", "fault"),
    [
        (lambda: sent_span(name="send letta_answers"), "unknown span"),
        (lambda: sent_span(kind=Span.SPAN_KIND_CONSUMER), "unknown span"),
        (lambda: sent_span(given={**SEND, "http.url": "http://letta"}), "deprecated spelling"),
        (lambda: sent_span(given={**SEND, "user": "ann"}), "unknown attribute"),
        (lambda: sent_span(given={**SEND, "messaging.message.id": 7}), "wrong type"),
        (
            lambda: sent_span(given={name: SEND[name] for name in SEND if name != "messaging.system"}),
            "attribute missing",
        ),
    ],
)
def test_a_faulty_span_is_found(request_of: Callable[[], ExportTraceServiceRequest], fault: Fault) -> None:
    check = LiveCheck()
    check.take_spans(request_of())
    assert faults(check) == [fault]


def test_a_log_record_with_an_unknown_attribute_is_found() -> None:
    check = LiveCheck()
    check.take_logs(sent_log({"task": "0c9cf7ac"}))
    assert faults(check) == ["unknown attribute"]


def test_what_never_came_is_found() -> None:
    found = LiveCheck().findings(expected_metrics=["letta.bridge.requests"], expected_spans=["letta.bridge.send"])
    assert [finding.fault for finding, _ in found] == ["metric missing", "span missing"]


def test_a_metric_with_more_series_than_allowed_has_no_bound() -> None:
    check = LiveCheck(most_series=10)
    for number in range(11):
        check.take_metrics(sent_metrics(counter("letta.bridge.retries", "{retry}", given={"error.type": f"e{number}"})))
    assert faults(check) == ["no bound"]


def test_the_same_series_of_many_processes_are_no_missing_bound() -> None:
    check = LiveCheck(most_series=10)
    for number in range(11):
        check.take_metrics(sent_metrics(counter(), instance=f"process {number}"))
    assert check.findings() == ()


def test_findings_are_counted_and_not_repeated() -> None:
    check = LiveCheck()
    for _ in range(3):
        check.take_metrics(sent_metrics(counter(unit="1")))
    finding = Finding("wrong unit", "metric letta.bridge.requests", "found '1', allowed is '{request}'")
    assert check.findings() == ((finding, 3),)
    assert str(finding) == "wrong unit: metric letta.bridge.requests: found '1', allowed is '{request}'"


def test_what_comes_from_a_foreign_scope_is_left_alone() -> None:
    check = LiveCheck(foreign_scopes=("letta.",))
    check.take_spans(sent_span(name="agent_step", given={"anything": 1}, scope="letta.otel.tracing"))
    check.take_metrics(sent_metrics(counter("count_user_message"), scope="letta.otel.metrics"))
    assert check.findings() == ()
