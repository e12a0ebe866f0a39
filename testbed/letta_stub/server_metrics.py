"""What would our add-on to a Letta server count? The HTTP server histogram that objectives are read from.

The name and labels are those of OpenTelemetry's semantic conventions for HTTP as a Prometheus spells them. The edges
include every limit of the catalogue, which the conventions' own do not.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest

_EDGES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_NO_ANSWER = 500  # how a server counts a request whose connection broke before an answer began


class ServerMetrics:
    """The histogram of one server process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._durations = Histogram(
            "http_server_request_duration_seconds",
            "Duration of HTTP requests, a stream's until it ends.",
            ["http_request_method", "http_route", "http_response_status_code"],
            buckets=_EDGES_S,
            registry=self._registry,
        )

    def prepare(self, method: str, route: str) -> None:
        """Show a route from the start, at zero, as answered well."""
        self._durations.labels(method, route, "200")

    def ended(self, method: str, route: str, status: int, elapsed_s: float) -> None:
        """Count a request; status 0 is none."""
        self._durations.labels(method, route, str(status or _NO_ANSWER)).observe(elapsed_s)

    def exposition(self) -> str:
        """Return it in the Prometheus text format."""
        return generate_latest(self._registry).decode()
