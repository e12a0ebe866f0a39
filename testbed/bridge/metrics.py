"""How does a Prometheus read what the bridge counts? The same instruments that OTLP sends, in the text format."""

from __future__ import annotations

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import REGISTRY, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4"


def readers() -> tuple[PrometheusMetricReader]:
    """Return the reader that a meter provider needs for `exposition`."""
    return (PrometheusMetricReader(),)


def exposition() -> bytes:
    """Return everything in the Prometheus text format, with the time at which the process began."""
    return generate_latest(REGISTRY)
