"""What does a bridge count and measure?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from opentelemetry.metrics import Meter, Observation

from letta_otel.bounds import OTHER, Bound
from letta_otel.conventions import attributes as names
from letta_otel.conventions import metrics
from letta_otel.instruments import watched
from letta_otel.tally import Tallies


@dataclass(slots=True)
class Seen:
    """What a bridge last saw of Redis and of its circuit breakers; None and what is not there: unknown.

    `depths` are messages by list, `oldest_s` the age of the oldest request, `sessions` the users with an agent, and
    `open_circuits` whether the breaker in front of `letta` and of `memory-python` is open.
    """

    depths: Mapping[str, int] = field(default_factory=dict)
    oldest_s: float | None = None
    sessions: int | None = None
    open_circuits: Mapping[str, bool] = field(default_factory=dict)


class BridgeMetrics:
    """The metrics of one bridge process, each by the labels that its line names, and the bounds on their values."""

    def __init__(self, meter: Meter, requests_list: str) -> None:
        self.seen = Seen()
        self.tallies = tallies = Tallies()
        self.error_types = Bound()
        self.fallback_reasons = Bound()
        self.memory_types = Bound(("permanent", "temporary"), most=10)
        self._requests_list = requests_list
        self.requests = tallies.counts(metrics.LETTA_BRIDGE_REQUESTS, names.LETTA_BRIDGE_ROUTE)
        self.in_flight = tallies.counts(metrics.LETTA_BRIDGE_IN_FLIGHT)
        self.fallbacks = tallies.counts(metrics.LETTA_BRIDGE_FALLBACK_REQUESTS, names.LETTA_BRIDGE_FALLBACK_REASON)
        self.retries = tallies.counts(metrics.LETTA_BRIDGE_RETRIES, names.ERROR_TYPE)
        self.redeliveries = tallies.counts(metrics.LETTA_BRIDGE_REDELIVERIES)
        self.lost = tallies.counts(metrics.LETTA_BRIDGE_LOST_MESSAGES)
        self.duplicates = tallies.counts(metrics.LETTA_BRIDGE_DUPLICATES)
        self.dead_letters = tallies.counts(metrics.LETTA_BRIDGE_DEAD_LETTERS)
        self.unheard = tallies.counts(metrics.LETTA_BRIDGE_UNHEARD_REPLIES)
        self.responses = tallies.durations(
            metrics.LETTA_BRIDGE_RESPONSE_DURATION,
            names.LETTA_BRIDGE_ROUTE,
            names.LETTA_BRIDGE_SOURCE,
            names.LETTA_BRIDGE_OUTCOME,
        )
        self.queue_waits = tallies.durations(metrics.LETTA_BRIDGE_QUEUE_WAIT)
        self.stages = tallies.durations(metrics.LETTA_BRIDGE_STAGE_DURATION, names.LETTA_BRIDGE_STAGE)
        self.processing = tallies.durations(
            metrics.MESSAGING_PROCESS_DURATION,
            names.MESSAGING_SYSTEM,
            names.MESSAGING_OPERATION_NAME,
            names.MESSAGING_DESTINATION_NAME,
            names.ERROR_TYPE,
        )
        self.calls = tallies.durations(
            metrics.HTTP_CLIENT_REQUEST_DURATION,
            names.HTTP_REQUEST_METHOD,
            names.URL_TEMPLATE,
            names.SERVER_ADDRESS,
            names.SERVER_PORT,
            names.HTTP_RESPONSE_STATUS_CODE,
            names.ERROR_TYPE,
        )
        self._begin_at_zero()
        watched(meter, metrics.LETTA_BRIDGE_QUEUE_DEPTH, self._depths)
        watched(meter, metrics.LETTA_BRIDGE_QUEUE_AGE, self._oldest)
        watched(meter, metrics.LETTA_BRIDGE_SESSIONS, self._sessions)
        watched(meter, metrics.LETTA_BRIDGE_CIRCUIT_OPEN, self._circuits)

    def _begin_at_zero(self) -> None:
        """Have each series there that can be named now: where nothing ever failed, this can be seen."""
        for route in names.ALL[names.LETTA_BRIDGE_ROUTE].values:
            self.requests.add(0, route)
        for one in (self.fallbacks, self.retries):
            one.add(0, OTHER)
        plain = (self.in_flight, self.redeliveries, self.lost, self.duplicates, self.dead_letters, self.unheard)
        for one in plain:
            one.add(0)

    def _depths(self) -> Iterator[Observation]:
        for name, depth in self.seen.depths.items():
            yield Observation(depth, {names.MESSAGING_DESTINATION_NAME: name})

    def _oldest(self) -> Iterator[Observation]:
        if self.seen.oldest_s is not None:
            yield Observation(self.seen.oldest_s, {names.MESSAGING_DESTINATION_NAME: self._requests_list})

    def _sessions(self) -> Iterator[Observation]:
        if self.seen.sessions is not None:
            yield Observation(self.seen.sessions)

    def _circuits(self) -> Iterator[Observation]:
        for name, is_open in self.seen.open_circuits.items():
            yield Observation(int(is_open), {names.LETTA_BRIDGE_CIRCUIT: name})
