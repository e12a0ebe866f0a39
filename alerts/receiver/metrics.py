"""What does the receiver count about itself?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

_OUTCOMES: Final = ("delivered", "repeated", "later", "failed")
_REASONS: Final = ("answer", "http", "refused", "timeout", "too_fast", "unexpected", "unreachable")


class Metrics:
    """Counters by channel; every series is there from the start, at zero."""

    def __init__(self, channels: Iterable[str]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._notifications = self._counter(
            "letta_slo_receiver_notifications", "Notifications of an Alertmanager.", "outcome"
        )
        self._messages = self._counter("letta_slo_receiver_messages", "Messages that a channel took.")
        self._failures = self._counter("letta_slo_receiver_failures", "Messages that a channel did not take.", "reason")
        self._waiting = Gauge(
            "letta_slo_receiver_waiting", "Notifications that wait for their turn.", ["channel"], registry=self.registry
        )
        self._last = Gauge(
            "letta_slo_receiver_last_success_timestamp_seconds",
            "When a channel last took a message.",
            ["channel"],
            registry=self.registry,
        )
        for channel in channels:
            self._messages.labels(channel)
            self._waiting.labels(channel)
            for outcome in _OUTCOMES:
                self._notifications.labels(channel, outcome)
            for reason in _REASONS:
                self._failures.labels(channel, reason)

    def count(self, channel: str, outcome: str) -> None:
        """Count what became of a notification."""
        self._notifications.labels(channel, outcome).inc()

    def sent(self, channel: str) -> None:
        """Count a message that a channel took."""
        self._messages.labels(channel).inc()
        self._last.labels(channel).set_to_current_time()

    def failed(self, channel: str, reason: str) -> None:
        """Count a message that a channel did not take."""
        self._failures.labels(channel, reason).inc()

    def waiting(self, channel: str, count: int) -> None:
        """Say how many notifications wait."""
        self._waiting.labels(channel).set(count)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, ["channel", *labels], registry=self.registry)
