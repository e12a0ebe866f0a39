"""Which counters does a probe export? For each objective the events that count for it, and the good among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from probe.asking import Answer
from slo.objective import Catalogue, Kind, Measure, Objective, Phase

EVENTS = "letta_slo_probe_events_total"
GOOD = "letta_slo_probe_good_total"
_EDGES_S = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


def objectives_of(catalogue: Catalogue, operation: str) -> tuple[Objective, ...]:
    """Return the objectives that a probe of this operation shows: shares of the steady state, not first tokens."""
    return tuple(
        one
        for one in catalogue.objectives
        if one.kind is Kind.SHARE
        and operation in one.samples.operations
        and Phase.STEADY in one.samples.phases
        and one.samples.measure is not Measure.TIME_TO_FIRST_TOKEN
    )


def read_from_probe(catalogue: Catalogue) -> Catalogue:
    """Return the catalogue with queries for the probe's counters in place of the services' own; invariants left out."""
    shown = {one.name for operation in ("message", "bridge") for one in objectives_of(catalogue, operation)}
    return replace(
        catalogue,
        objectives=tuple(
            replace(
                one,
                good_query=f'{GOOD}{{objective="{one.name}"}}',
                total_query=f'{EVENTS}{{objective="{one.name}"}}',
            )
            for one in catalogue.objectives
            if one.name in shown
        ),
    )


class Counters:
    """The counters of one probe process; every series is there from the start, at zero."""

    def __init__(self, catalogue: Catalogue, operations: Iterable[str]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._objectives = {operation: objectives_of(catalogue, operation) for operation in operations}
        self._events = Counter(EVENTS, "Probes that count for an objective.", ["objective"], registry=self.registry)
        self._good = Counter(GOOD, "Good ones among them.", ["objective"], registry=self.registry)
        self._durations = Histogram(
            "letta_slo_probe_response_duration_seconds",
            "From the time at which a probe was due until its whole answer.",
            ["operation", "outcome"],
            buckets=_EDGES_S,
            registry=self.registry,
        )
        self._tokens = Counter(
            "letta_slo_probe_tokens", "Tokens that probes cost.", ["operation", "direction"], registry=self.registry
        )
        self._last_good = Gauge(
            "letta_slo_probe_last_success_timestamp_seconds",
            "When the last probe without an error was answered.",
            ["operation"],
            registry=self.registry,
        )
        for operation, objectives in self._objectives.items():
            for one in objectives:
                self._events.labels(one.name)
                self._good.labels(one.name)
            for outcome in ("ok", "error"):
                self._durations.labels(operation, outcome)
            for direction in ("in", "out"):
                self._tokens.labels(operation, direction)

    def count(self, operation: str, answer: Answer, took_s: float) -> bool:
        """Count one probe for every objective of its operation; return whether it was good for all of them."""
        is_error = bool(answer.error)
        good = [
            one.samples.is_good(error=is_error, measured_s=took_s, source=answer.source)
            for one in self._objectives[operation]
        ]
        for one, is_good in zip(self._objectives[operation], good, strict=True):
            self._events.labels(one.name).inc()
            self._good.labels(one.name).inc(int(is_good))
        self._durations.labels(operation, "error" if is_error else "ok").observe(took_s)
        self._tokens.labels(operation, "in").inc(answer.tokens_in)
        self._tokens.labels(operation, "out").inc(answer.tokens_out)
        if not is_error:
            self._last_good.labels(operation).set_to_current_time()
        return all(good)
