"""Who sends after a fork? Only the process that made an exporter.

The SDK's background threads begin again in a forked child, with what the parent had counted by then and under the
parent's instance id. What they hand to an exporter of the parent is dropped in the child, which has its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class SpansOfProcess(SpanExporter):
    """Exports the spans of the process that made it."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._pid = os.getpid()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export them; in another process, drop them."""
        return self._exporter.export(spans) if os.getpid() == self._pid else SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Let go of the connection."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Have everything sent; limit in milliseconds."""
        return self._exporter.force_flush(timeout_millis)


class MetricsOfProcess(MetricExporter):
    """Exports the metrics of the process that made it."""

    def __init__(self, exporter: MetricExporter) -> None:
        super().__init__(exporter._preferred_temporality, exporter._preferred_aggregation)
        self._exporter = exporter
        self._pid = os.getpid()

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object) -> MetricExportResult:
        """Export them; in another process, drop them. Limit in milliseconds."""
        if os.getpid() != self._pid:
            return MetricExportResult.SUCCESS
        return self._exporter.export(metrics_data, timeout_millis, **kwargs)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Let go of the connection; limit in milliseconds."""
        self._exporter.shutdown(timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Have everything sent; limit in milliseconds."""
        return self._exporter.force_flush(timeout_millis)


class LogsOfProcess(LogRecordExporter):
    """Exports the log records of the process that made it."""

    def __init__(self, exporter: LogRecordExporter) -> None:
        self._exporter = exporter
        self._pid = os.getpid()

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Export them; in another process, drop them."""
        return self._exporter.export(batch) if os.getpid() == self._pid else LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """Let go of the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # a gap in the SDK's annotations

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        """Have everything sent; limit in milliseconds."""
        return self._exporter.force_flush(timeout_millis)
