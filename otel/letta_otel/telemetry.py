"""How does a process begin to send telemetry, and how does it end without losing the rest?

OpenTelemetry's own variables say where it goes and how much is kept: `OTEL_EXPORTER_OTLP_ENDPOINT`,
`OTEL_RESOURCE_ATTRIBUTES`, `OTEL_BSP_MAX_QUEUE_SIZE` and the others. Without an endpoint nothing is sent.
"""

from __future__ import annotations

import atexit
import logging
import os
import uuid
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from letta_otel.bridge import BridgeTelemetry
from letta_otel.collecting import add_to
from letta_otel.conventions import attributes as names
from letta_otel.ending import STOP_S, on_sigterm, within
from letta_otel.light import LightSpans
from letta_otel.process import watch_process
from letta_otel.spans import NoSpans, Spans

SCOPE: Final = "letta_otel"

# Ours in the place of the SDK's: its queue of 2,048 spans dropped 7,440 of a burst of 10,000 while the exporter was
# slow; and metrics as often as a Prometheus scrapes, not once a minute.
_DEFAULTS: Final = {
    "OTEL_BSP_MAX_QUEUE_SIZE": "16384",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    "OTEL_BLRP_MAX_QUEUE_SIZE": "4096",
    "OTEL_BLRP_SCHEDULE_DELAY": "1000",
    "OTEL_METRIC_EXPORT_INTERVAL": "15000",
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true",  # what the SDK itself drops is counted
}

# How long the SDK took to collect, with edges of 5 s and more.
_NOT_WANTED: Final = View(instrument_name="otel.sdk.metric_reader.collection.duration", aggregation=DropAggregation())

MakeReaders = Callable[[], Sequence[MetricReader]]


class Telemetry:
    """What one process sends. Made by `start`; a forked child has its own, with counters from zero."""

    def __init__(self, service_name: str, *, client_id: str, log_level: int, make_readers: MakeReaders) -> None:
        self._service_name = service_name
        self._client_id = client_id
        self._log_level = log_level
        self._make_readers = make_readers
        self._handler: logging.Handler | None = None
        self._is_stopped = False
        self._begin()
        os.register_at_fork(after_in_child=self._begin_again)

    def stop(self, within_s: float = STOP_S) -> bool:
        """Send what is left, for so many seconds at most; return whether everything was sent by then."""
        if self._is_stopped:
            return True
        self._is_stopped = True
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
        return within(within_s, self._shut_down)

    def _begin(self) -> None:
        resource = Resource.create(
            {
                names.SERVICE_NAME: self._service_name,
                names.SERVICE_INSTANCE_ID: str(uuid.uuid4()),
                names.PROCESS_PID: os.getpid(),
            }
        )
        is_sent = bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
        otlp = import_module("letta_otel.otlp") if is_sent else None
        readers = [*self._make_readers()]
        if otlp is not None:
            readers.append(otlp.metric_reader())
        self._meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False, views=[_NOT_WANTED])
        self._loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
        self._span_processor: SpanProcessor | None = None
        # Without an endpoint the spans would be made for nobody; a trace that goes through is handed on all the same.
        spans: Spans = NoSpans()
        if otlp is not None:
            self._span_processor = processor = otlp.span_processor(self._meters)
            as_variables_say = TracerProvider(resource=resource, shutdown_on_exit=False).sampler
            spans = LightSpans(processor, as_variables_say, resource, SCOPE)
            handler: logging.Handler = otlp.send_logs(self._loggers, self._log_level, self._meters)
            self._handler = handler
            logging.getLogger().addHandler(handler)
        meter = self._meters.get_meter(SCOPE)
        watch_process(meter)
        self.bridge = BridgeTelemetry(spans, meter, client_id=self._client_id)
        for reader in readers:
            add_to(reader, self.bridge.tallies, scope=SCOPE)

    def _begin_again(self) -> None:
        if self._is_stopped:
            return
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
            self._handler = None
        self._begin()

    def _shut_down(self) -> None:
        if self._span_processor is not None:
            self._span_processor.shutdown()
        self._loggers.shutdown()
        self._meters.shutdown()


def start(
    service_name: str,
    *,
    client_id: str,
    log_level: int = logging.WARNING,
    make_readers: MakeReaders = tuple,
    stop_on_sigterm: bool = True,
) -> Telemetry:
    """Begin to send traces, metrics and the log records from `log_level` on; what is left goes out at the exit.

    `client_id` is the name of this process among bridges. `make_readers` gives further ways out for metrics, such as
    a Prometheus reader; it is called again after a fork. SIGTERM is only handled where nobody else does: a program
    with a handler of its own calls `stop` at its end, or just ends.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    telemetry = Telemetry(service_name, client_id=client_id, log_level=log_level, make_readers=make_readers)
    atexit.register(telemetry.stop)
    if stop_on_sigterm:
        on_sigterm(telemetry.stop)
    return telemetry
