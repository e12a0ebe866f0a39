"""The telemetry of a bridge that never was: with a Prometheus reader of its own, or heard by nobody."""

from __future__ import annotations

from letta_otel.bridge import BridgeTelemetry, Route, Source
from letta_otel.bridge_metrics import BridgeMetrics
from letta_otel.collecting import add_to
from letta_otel.process import watch_process
from letta_otel.sending import Sending
from letta_otel.spans import NoSpans
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest


def silent() -> BridgeTelemetry:
    """Return telemetry without the SDK."""
    return BridgeTelemetry(NoSpans(), NoOpMeterProvider().get_meter("letta_otel"), client_id="none")


def unseen() -> Sending:
    """Return a message on its way that no span tells of."""
    return silent().request({}, message_id="none", body_size=0, age_s=None).send("nowhere", "publish")


class BridgeCounters:
    """Counts requests as a bridge process does, from zero."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        reader = PrometheusMetricReader(registry=self._registry)
        meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("letta_otel")
        watch_process(meter)
        self._metrics = BridgeMetrics(meter, "letta_requests")
        add_to(reader, self._metrics.tallies, scope="letta_otel")

    def answered(self, route: Route, source: Source, took_s: float) -> None:
        self._metrics.requests.add(1, route)
        self._metrics.responses.record(took_s, route, source, "success")

    def failed(self, route: Route, took_s: float) -> None:
        self._metrics.requests.add(1, route)
        self._metrics.responses.record(took_s, route, "none", "error")

    def exposition(self) -> bytes:
        return generate_latest(self._registry)
