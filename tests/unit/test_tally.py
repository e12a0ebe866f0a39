"""What is counted in plain numbers reaches every reader as if the SDK had counted it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from letta_otel.collecting import add_to
from letta_otel.conventions import metrics
from letta_otel.instruments import counter, histogram
from letta_otel.process import watch_process
from letta_otel.tally import Tallies
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricReader
from opentelemetry.trace import SpanContext, TraceFlags
from prometheus_client import CollectorRegistry, generate_latest

ROUTE, SOURCE, OUTCOME = "letta.bridge.route", "letta.bridge.source", "letta.bridge.outcome"
SAMPLED = SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags(1))
UNSAMPLED = SpanContext(7, 9, is_remote=False, trace_flags=TraceFlags(0))


@pytest.fixture
def reader() -> Iterator[InMemoryMetricReader]:
    made = InMemoryMetricReader()
    yield made
    made.shutdown()


def told(reader: InMemoryMetricReader) -> dict[str, Any]:
    """Return the messages of OTLP by the metric's name."""
    data = reader.get_metrics_data()
    assert data is not None
    (resource,) = encode_metrics(data).resource_metrics
    (scope,) = resource.scope_metrics
    return {metric.name: metric for metric in scope.metrics}


def provider(*readers: MetricReader) -> Any:
    return MeterProvider(readers, shutdown_on_exit=False).get_meter("letta_otel")


def test_what_is_told_is_what_the_sdk_would_have_told(reader: InMemoryMetricReader) -> None:
    """The same measurements by both ways, on and around the edges: the same messages, but for their times."""
    theirs, tallies = InMemoryMetricReader(), Tallies()
    meter = provider(theirs)
    counted = counter(meter, metrics.LETTA_BRIDGE_REQUESTS)
    measured = histogram(meter, metrics.LETTA_BRIDGE_RESPONSE_DURATION)
    our_counted = tallies.counts(metrics.LETTA_BRIDGE_REQUESTS, ROUTE)
    our_measured = tallies.durations(metrics.LETTA_BRIDGE_RESPONSE_DURATION, ROUTE, SOURCE, OUTCOME)
    watch_process(provider(reader))
    add_to(reader, tallies, scope="letta_otel")
    rng = random.Random(1)
    edges = metrics.LETTA_BRIDGE_RESPONSE_DURATION.edges
    for seconds in [*edges, *(edge + 1e-9 for edge in edges), *(rng.expovariate(1) for _ in range(500)), 0.0, 99.0]:
        route = rng.choice(["letta", "memory-python"])
        counted.add(1, {ROUTE: route})
        our_counted.add(1, route)
        measured.record(seconds, {ROUTE: route, SOURCE: "letta", OUTCOME: "success"})
        our_measured.record(seconds, route, "letta", "success")
    ours, expected = told(reader), told(theirs)
    for name in (metrics.LETTA_BRIDGE_REQUESTS.name, metrics.LETTA_BRIDGE_RESPONSE_DURATION.name):
        assert normal(ours[name]) == normal(expected[name])
    theirs.shutdown()


def normal(metric: Any) -> Any:
    """Return the message without its times, its series and their attributes in one order."""
    data = getattr(metric, metric.WhichOneof("data"))
    for point in data.data_points:
        point.start_time_unix_nano = point.time_unix_nano = 0
        point.attributes.sort(key=lambda pair: pair.key)
        if metric.WhichOneof("data") == "histogram":
            point.sum = round(point.sum, 9)
    data.data_points.sort(key=str)
    return metric


def test_an_attribute_without_a_value_is_not_there(reader: InMemoryMetricReader) -> None:
    tallies = Tallies()
    names = ("messaging.system", "messaging.operation.name", "messaging.destination.name", "error.type")
    tallies.durations(metrics.MESSAGING_PROCESS_DURATION, *names).record(0.1, "redis", "process", "list", None)
    watch_process(provider(reader))
    add_to(reader, tallies, scope="letta_otel")
    (point,) = told(reader)["messaging.process.duration"].histogram.data_points
    assert {pair.key for pair in point.attributes} == set(names) - {"error.type"}


def test_a_sampled_span_is_the_example_of_its_bucket_and_another_is_not(reader: InMemoryMetricReader) -> None:
    tallies = Tallies()
    waits = tallies.durations(metrics.LETTA_BRIDGE_QUEUE_WAIT)
    watch_process(provider(reader))
    add_to(reader, tallies, scope="letta_otel")
    waits.record(0.2, within=UNSAMPLED)
    waits.record(1.7, within=SAMPLED)
    waits.record(0.3)
    (point,) = told(reader)[metrics.LETTA_BRIDGE_QUEUE_WAIT.name].histogram.data_points
    ((example,), count) = point.exemplars, point.count
    assert count == 3
    assert example.as_double == 1.7
    assert (int.from_bytes(example.trace_id, "big"), int.from_bytes(example.span_id, "big")) == (7, 8)


def test_a_prometheus_gets_the_same_numbers_beside_those_of_the_sdk() -> None:
    registry, tallies = CollectorRegistry(), Tallies()
    reader = PrometheusMetricReader(registry=registry)
    watch_process(provider(reader))
    add_to(reader, tallies, scope="letta_otel")
    tallies.counts(metrics.LETTA_BRIDGE_REQUESTS, ROUTE).add(3, "letta")
    tallies.durations(metrics.LETTA_BRIDGE_QUEUE_WAIT).record(1.0)
    page = generate_latest(registry).decode()
    samples = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in page.splitlines() if line[0] != "#"}
    found = {name.partition("{")[0]: value for name, value in samples.items() if 'le="' not in name}
    assert found["letta_bridge_requests_total"] == 3
    assert found["letta_bridge_queue_wait_seconds_count"] == 1
    assert found["process_memory_usage_bytes"] > 0


def test_labels_that_the_registry_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match=r"letta\.bridge\.requests: attributes"):
        Tallies().counts(metrics.LETTA_BRIDGE_REQUESTS, "letta.bridge.stage")
    with pytest.raises(ValueError, match=r"letta\.bridge\.requests: attributes"):
        Tallies().counts(metrics.LETTA_BRIDGE_REQUESTS)
