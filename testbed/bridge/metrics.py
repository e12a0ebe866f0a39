"""What does the bridge count for a Prometheus? The counters that the catalogue's objectives are read from.

Every series is there from the start at zero: one that appears with its first event leaves the reader guessing.
"""

from __future__ import annotations

from itertools import product

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4"

_ROUTES = ("letta", "memory-python", "none")  # who was to answer; none: the request said nothing that can be routed
_ENDINGS = (("letta", "success"), ("memory-python", "success"), ("none", "error"))
# Edges at every limit of the catalogue (1 s, 2 s), and around them.
_EDGES_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one bridge process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # with the time at which the process began
        self._requests = Counter(
            "letta_bridge_requests",
            "Requests taken from the queue; one that a bridge which died had taken is not counted again.",
            ["route"],
            registry=self._registry,
        )
        self._durations = Histogram(
            "letta_bridge_response_duration_seconds",
            "From the time that the request itself names until its reply has left.",
            ["route", "source", "outcome"],
            buckets=_EDGES_S,
            registry=self._registry,
        )
        self._fallbacks = Counter(
            "letta_bridge_fallback_requests",
            "Requests for Letta that memory-python was asked to answer.",
            registry=self._registry,
        )
        self._lost = Counter(
            "letta_bridge_lost_messages",
            "Entries of the queue that nobody can be answered for.",
            registry=self._registry,
        )
        for route in _ROUTES:
            self._requests.labels(route)
        for route, (source, outcome) in product(_ROUTES, _ENDINGS):
            self._durations.labels(route, source, outcome)

    def taken(self, route: str | None) -> None:
        """Count a request; `route` None where it names nobody who could answer."""
        self._requests.labels(route or "none").inc()

    def answered(self, route: str | None, source: str, duration_s: float) -> None:
        """Count a reply with an answer."""
        self._durations.labels(route or "none", source, "success").observe(duration_s)

    def failed(self, route: str | None, duration_s: float) -> None:
        """Count a reply that says that there is no answer."""
        self._durations.labels(route or "none", "none", "error").observe(duration_s)

    def fell_back(self) -> None:
        """Count a request for Letta that memory-python is asked to answer."""
        self._fallbacks.inc()

    def lost(self) -> None:
        """Count an entry that nobody can be answered for."""
        self._lost.inc()

    def exposition(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self._registry)
