"""What does a bridge between Redis and Letta tell of its requests? One trace and a handful of metrics for each.

Nothing here needs the SDK: without one every call is cheap, and what is counted is asked for by nobody. Nothing here
raises, and no content of a message is ever taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.metrics import Meter

from letta_otel.bridge_metrics import BridgeMetrics, Seen
from letta_otel.request import RequestTelemetry, Route, Source, Stage
from letta_otel.sending import LettaCall
from letta_otel.spans import Spans
from letta_otel.tally import Tallies


class BridgeTelemetry:
    """The spans and metrics of one bridge process; `client_id` is its name among bridges."""

    def __init__(self, spans: Spans, meter: Meter, *, client_id: str, requests: str = "letta_requests") -> None:
        self._spans = spans
        self._metrics = BridgeMetrics(meter, requests)
        self._client_id = client_id
        self._requests_list = requests

    @property
    def tallies(self) -> Tallies:
        """Return what was counted, for `letta_otel.collecting`."""
        return self._metrics.tallies

    def saw(self, seen: Seen) -> None:
        """Say, every few seconds, what stands in Redis; it cannot be asked for while metrics are collected."""
        self._metrics.seen = seen

    def request(
        self, meta: Mapping[str, object], *, message_id: str, body_size: int, age_s: float | None
    ) -> RequestTelemetry:
        """Begin with one request that was just taken; use what is returned in a `with`.

        `meta` is the request's own, `body_size` in bytes, `age_s` the seconds since its timestamp, None where that
        says nothing.
        """
        return RequestTelemetry(
            self._spans,
            self._metrics,
            meta,
            requests_list=self._requests_list,
            client_id=self._client_id,
            message_id=message_id,
            body_size=body_size,
            age_s=age_s,
        )

    def call(self, method: str, template: str, url: str, **known: Any) -> LettaCall:
        """Span one call to Letta: `template` is the path with names in the place of ids, `url` the whole address.

        `known` may hold `agent_id`, `operation` (a value of `gen_ai.operation.name`) and `resend_count`.
        """
        return LettaCall(self._spans, self._metrics, method, template, url, **known)

    def lost(self) -> None:
        """Count an entry that nobody can be answered for, as it cannot be read."""
        self._metrics.requests.add(1, "none")
        self._metrics.lost.add(1)

    def duplicate(self) -> None:
        """Count an entry of a task that is answered already, or in hand."""
        self._metrics.duplicates.add(1)

    def dead_letter(self) -> None:
        """Count an entry that was put aside."""
        self._metrics.dead_letters.add(1)


__all__ = ["BridgeTelemetry", "RequestTelemetry", "Route", "Seen", "Source", "Stage"]
