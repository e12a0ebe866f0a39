"""What would our add-on to a Letta server count? The histograms that objectives are read from.

The names and labels are those of OpenTelemetry's semantic conventions, for HTTP and for generative AI, as a Prometheus
spells them. The edges include every limit of the catalogue, which the conventions' own do not.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest

_EDGES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_NO_ANSWER = 500  # how a server counts a request whose connection broke before an answer began


class ServerMetrics:
    """The histograms of one server process."""

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

        self._first_tokens = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "From a request until the first content of its stream for the user.",
            ["gen_ai_operation_name", "http_route"],
            buckets=_EDGES_S,
            registry=self._registry,
        )

    def prepare(self, method: str, route: str) -> None:
        """Show a route from the start, at zero, as answered well."""
        self._durations.labels(method, route, "200")

    def first_content(self, route: str, elapsed_s: float) -> None:
        """Count a stream that has its first content."""
        self._first_tokens.labels("invoke_agent", route).observe(elapsed_s)

    def ended(self, method: str, route: str, status: int, elapsed_s: float) -> None:
        """Count a request; status 0 is none."""
        self._durations.labels(method, route, str(status or _NO_ANSWER)).observe(elapsed_s)

    def exposition(self) -> str:
        """Return it in the Prometheus text format."""
        return generate_latest(self._registry).decode()
