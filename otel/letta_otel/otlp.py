"""How do spans, metrics and log records leave a process? By OTLP over HTTP, in batches, where they were made.

A module of its own, imported when something is to be sent: it takes half a second.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

from letta_otel.logs import told_of_exception
from letta_otel.of_process import LogsOfProcess, MetricsOfProcess, SpansOfProcess
from letta_otel.wire import spans_request


def metric_reader() -> MetricReader:
    """Return what sends metrics every so often."""
    return PeriodicExportingMetricReader(MetricsOfProcess(OTLPMetricExporter()))


def span_processor(meters: MeterProvider) -> SpanProcessor:
    """Return what sends spans; what had to be dropped is counted by the meters."""
    return BatchSpanProcessor(SpansOfProcess(_SpanExporter()), meter_provider=meters)


def send_logs(loggers: LoggerProvider, level: int, meters: MeterProvider) -> logging.Handler:
    """Return a handler whose records from `level` on are sent; what had to be dropped is counted by the meters."""
    loggers.add_log_record_processor(BatchLogRecordProcessor(LogsOfProcess(OTLPLogExporter()), meter_provider=meters))
    return _Handler(loggers, level=level)


class _SpanExporter(OTLPSpanExporter):
    """OpenTelemetry's own, with its retries and time limits, but for the writing of the spans."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; returns when they were taken, or given up."""
        try:
            written = spans_request(spans)
        except TypeError:  # what our writing does not know (events, mappings), theirs does
            return super().export(spans)
        done = self._client.export(written)
        return SpanExportResult.SUCCESS if done.success else SpanExportResult.FAILURE


class _Handler(LoggingHandler):
    """Sends records with the class of an exception and its places in the code, and without its message."""

    def __init__(self, provider: LoggerProvider, *, level: int) -> None:
        super().__init__(level=level, logger_provider=provider)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        if record.exc_info:
            told = told_of_exception(record)
            record = copy.copy(record)
            record.exc_info, record.exc_text = None, None
            vars(record).update(told)
        super().emit(record)
