"""How do our own numbers get into what the SDK collects? With the rest, to each reader, as if the SDK had counted."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricReader,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from letta_otel.tally import Counts, Distribution, Durations, Example, Labels, Tallies


def add_to(reader: MetricReader, tallies: Tallies, *, scope: str) -> None:
    """Have the tallies in everything that the reader gets from now on, under this instrumentation scope."""
    receive = reader._receive_metrics

    def receive_all(metrics_data: MetricsData, *args: Any, **kwargs: Any) -> None:
        receive(_with(metrics_data, tallies, scope), *args, **kwargs)

    # Set on the one object, so that any reader will do: OTLP, Prometheus, or one in memory.
    reader._receive_metrics = receive_all  # type: ignore[method-assign]


def _with(data: MetricsData, tallies: Tallies, scope: str) -> MetricsData:
    ours = tuple(_metrics(tallies))
    resources = [_with_scope(one, ours, scope) for one in data.resource_metrics[:1]]
    return MetricsData([*resources, *data.resource_metrics[1:]])


def _with_scope(resource: ResourceMetrics, ours: tuple[Metric, ...], name: str) -> ResourceMetrics:
    scopes = list(resource.scope_metrics)
    for place, scope in enumerate(scopes):
        if scope.scope.name == name:
            scopes[place] = dataclasses.replace(scope, metrics=[*scope.metrics, *ours])
            break
    else:
        scopes.append(ScopeMetrics(InstrumentationScope(name), ours, ""))
    return dataclasses.replace(resource, scope_metrics=scopes)


def _metrics(tallies: Tallies) -> Iterator[Metric]:
    now = time.time_ns()
    for tally in tallies.all:
        times = (tallies.began_unix_ns, now)
        data = _sum(tally, times) if isinstance(tally, Counts) else _histogram(tally, times)
        if data.data_points:
            yield Metric(tally.metric.name, tally.metric.brief, tally.metric.unit, data)


def _sum(tally: Counts, times: tuple[int, int]) -> Sum:
    points = [
        NumberDataPoint(_attributes(tally.names, labels), *times, value) for labels, value in tally.series().items()
    ]
    return Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=tally.metric.instrument == "counter")


def _histogram(tally: Durations, times: tuple[int, int]) -> Histogram:
    points = [_point(tally, labels, measured, times) for labels, measured in tally.series().items()]
    return Histogram(points, AggregationTemporality.CUMULATIVE)


def _point(tally: Durations, labels: Labels, measured: Distribution, times: tuple[int, int]) -> HistogramDataPoint:
    return HistogramDataPoint(
        _attributes(tally.names, labels),
        *times,
        count=sum(measured.counts),
        sum=measured.sum,
        bucket_counts=measured.counts,
        explicit_bounds=tally.metric.edges,
        min=measured.min,
        max=measured.max,
        exemplars=[_exemplar(example) for example in measured.examples.values()],
    )


def _attributes(names: tuple[str, ...], labels: Labels) -> dict[str, str | int | bool]:
    return {name: value for name, value in zip(names, labels, strict=True) if value is not None}


def _exemplar(example: Example) -> Exemplar:
    return Exemplar({}, example.value, example.at_unix_ns, example.span_id, example.trace_id)
