"""How does a metric of the registry become an instrument?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation

from letta_otel.conventions.kinds import Metric

Read = Callable[[], Iterable[Observation]]


def counter(meter: Meter, metric: Metric, *starting_at_zero: dict[str, Any]) -> Counter:
    """Return a counter whose series with these attributes are there from the start.

    A series that appears with its first event leaves a reader guessing whether it began at zero.
    """
    made = meter.create_counter(metric.name, unit=metric.unit, description=metric.brief)
    for attributes in starting_at_zero:
        made.add(0, attributes)
    return made


def histogram(meter: Meter, metric: Metric) -> Histogram:
    """Return a histogram with the registry's edges."""
    return meter.create_histogram(
        metric.name, unit=metric.unit, description=metric.brief, explicit_bucket_boundaries_advisory=metric.edges
    )


def watched(meter: Meter, metric: Metric, read: Read) -> None:
    """Have a value read whenever metrics are collected; `read` gives what is known by then and never waits."""

    def collect(_: CallbackOptions) -> Iterable[Observation]:
        return read()

    create = {
        "gauge": meter.create_observable_gauge,
        "counter": meter.create_observable_counter,
        "updowncounter": meter.create_observable_up_down_counter,
    }[metric.instrument]
    create(metric.name, [collect], unit=metric.unit, description=metric.brief)
