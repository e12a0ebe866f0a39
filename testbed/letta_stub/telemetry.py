"""Which counters would a real Letta have counted by now?

The real server only pushes them by OTLP and has no /metrics; the stub shows them on its control port, as text in the
Prometheus exposition format 0.0.4. Names, attributes and bounds are those that were received from a real 0.16.4.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field

REQUESTS = "count_endpoint_requests"
DURATION = "hist_endpoint_e2e_ms"
USER_MESSAGES = "count_user_message"
BOUNDS_MS = (0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)
# Conversations, health and everything else are not measured by the real server either.
_PATHS = {
    "messages": "/v1/agents/{agent_id}/messages",
    "stream": "/v1/agents/{agent_id}/messages/stream",
    "async": "/v1/agents/{agent_id}/messages/async",
}


@dataclass(slots=True)
class _Histogram:
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))
    sum_ms: int = 0

    def add(self, value_ms: int) -> None:
        self.buckets[bisect_left(BOUNDS_MS, value_ms)] += 1
        self.sum_ms += value_ms


class Telemetry:
    """The counters; the time of a stream ends when its response starts, as in the real server."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._durations: defaultdict[tuple[str, int], _Histogram] = defaultdict(_Histogram)
        self._user_messages = 0

    def response_started(self, operation: str, status: int, elapsed_s: float) -> None:
        """Count a response of one of the measured operations; the others are ignored."""
        path = _PATHS.get(operation)
        if path is not None:
            self._requests[path, status] += 1
            self._durations[path, status].add(int(elapsed_s * 1e3))

    def user_message(self) -> None:
        """Count a message that an agent accepted."""
        self._user_messages += 1

    def exposition(self) -> str:
        """Return all counters in the Prometheus text format."""
        lines = [f"# TYPE {REQUESTS}_total counter"]
        lines += [f"{REQUESTS}_total{{{_labels(key)}}} {count}" for key, count in self._requests.items()]
        lines.append(f"# TYPE {DURATION} histogram")
        for key, histogram in self._durations.items():
            seen = 0
            for bound, count in zip([*BOUNDS_MS, "+Inf"], histogram.buckets, strict=True):
                seen += count
                lines.append(f'{DURATION}_bucket{{{_labels(key)},le="{bound}"}} {seen}')
            lines.append(f"{DURATION}_sum{{{_labels(key)}}} {histogram.sum_ms}")
            lines.append(f"{DURATION}_count{{{_labels(key)}}} {seen}")
        lines += [f"# TYPE {USER_MESSAGES}_total counter", f"{USER_MESSAGES}_total {self._user_messages}"]
        return "\n".join(lines) + "\n"


def _labels(key: tuple[str, int]) -> str:
    path, status = key
    return f'endpoint_path="{path}",method="POST",status_code="{status}"'
