"""What was told by way of OpenTelemetry's global providers, in memory. They can be set once a process only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@dataclass
class Told:
    """The spans since the last `clear`, and the metrics since the process began."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def spans(self) -> dict[str, ReadableSpan]:
        """Return them by name."""
        return {one.name: one for one in self.exporter.get_finished_spans()}

    def count(self, name: str, **labels: Any) -> float:
        """Return how many events a metric has counted with these attributes, written with underscores for dots."""
        found = 0.0
        for point in self._points(name):
            given = {key.replace(".", "_"): value for key, value in point["attributes"].items()}
            if labels.items() <= given.items():
                found += point["value"] if "value" in point else point["count"]
        return found

    def _points(self, name: str) -> list[dict[str, Any]]:
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (json.loads(data.to_json())["resource_metrics"] if data else [])
            for scope in resource["scope_metrics"]
            for metric in scope["metrics"]
            if metric["name"] == name
            for point in metric["data"]["data_points"]
        ]


def listen() -> Told:
    """Set the global providers, the first time; return what they were told."""
    if not _TOLD:
        told = Told()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(told.exporter))
        trace.set_tracer_provider(tracers)
        metrics.set_meter_provider(MeterProvider([told.reader]))
        _TOLD.append(told)
    _TOLD[0].exporter.clear()
    return _TOLD[0]


_TOLD: list[Told] = []
