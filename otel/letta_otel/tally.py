"""What has this process counted and measured so far? Kept in plain numbers, which cost a microsecond or two each.

The SDK's own instruments take 20 µs a measurement and reader: 0.4 ms for one request of a bridge, a third of all that
the request costs (`docs/adr/0010-counting.md`). `letta_otel.collecting` hands these numbers to the SDK when it asks.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple

from opentelemetry.trace import SpanContext

from letta_otel.conventions.kinds import Metric

Value = str | int | bool
Labels = tuple[Value | None, ...]  # in the order of the series' names; None: this series has no such attribute


class Example(NamedTuple):
    """One measurement, and the span in which it was made; times in nanoseconds since 1970."""

    value: float
    at_unix_ns: int
    trace_id: int
    span_id: int


@dataclass(slots=True)
class Distribution:
    """Measurements of one series. `counts` by bucket, one more than there are edges; `examples` by bucket, the last."""

    counts: list[int]
    sum: float = 0.0
    min: float = float("inf")
    max: float = float("-inf")
    examples: dict[int, Example] = field(default_factory=dict)


class Counts:
    """A counter, or one that goes both ways; its series are told apart by the attributes `names`."""

    def __init__(self, metric: Metric, names: tuple[str, ...], lock: Lock) -> None:
        self.metric: Final = metric
        self.names: Final = names
        self._lock = lock
        self._series: dict[Labels, int] = {}

    def add(self, amount: int, *labels: Value | None) -> None:
        """Add to one series; 0 makes it be there, so that nobody has to guess whether it began at zero."""
        with self._lock:
            self._series[labels] = self._series.get(labels, 0) + amount

    def series(self) -> dict[Labels, int]:
        """Return what each series has come to."""
        with self._lock:
            return dict(self._series)


class Durations:
    """A histogram over the registry's edges, in seconds."""

    def __init__(self, metric: Metric, names: tuple[str, ...], lock: Lock) -> None:
        self.metric: Final = metric
        self.names: Final = names
        self._lock = lock
        self._series: dict[Labels, Distribution] = {}

    def record(self, seconds: float, *labels: Value | None, within: SpanContext | None = None) -> None:
        """Add a measurement to one series; it may become the example of its bucket if the span `within` is sampled."""
        bucket = bisect_left(self.metric.edges, seconds)
        with self._lock:
            series = self._series.get(labels)
            if series is None:
                series = self._series[labels] = Distribution([0] * (len(self.metric.edges) + 1))
            series.counts[bucket] += 1
            series.sum += seconds
            series.min = min(series.min, seconds)
            series.max = max(series.max, seconds)
            if within is not None and within.trace_flags.sampled:
                series.examples[bucket] = Example(seconds, time.time_ns(), within.trace_id, within.span_id)

    def series(self) -> dict[Labels, Distribution]:
        """Return what was measured in each series."""
        with self._lock:
            return {
                labels: Distribution([*one.counts], one.sum, one.min, one.max, dict(one.examples))
                for labels, one in self._series.items()
            }


class Tallies:
    """All that is counted together, since `began_unix_ns`."""

    def __init__(self) -> None:
        self.began_unix_ns: Final = time.time_ns()
        self.all: list[Counts | Durations] = []
        self._lock = Lock()  # one for all: a bridge has one thread that counts, and a collection takes a millisecond

    def counts(self, metric: Metric, *names: str) -> Counts:
        """Return a new counter; `names` are the attributes that its labels stand for."""
        made = Counts(metric, _declared(metric, names), self._lock)
        self.all.append(made)
        return made

    def durations(self, metric: Metric, *names: str) -> Durations:
        """Return a new histogram; `names` are the attributes that its labels stand for."""
        made = Durations(metric, _declared(metric, names), self._lock)
        self.all.append(made)
        return made


def _declared(metric: Metric, names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = set(names) - set(metric.attributes)
    missing = set(metric.required) - set(names)
    if unknown or missing:
        raise ValueError(f"{metric.name}: attributes {sorted(unknown or missing)}: allowed are {metric.attributes}")
    return names
