"""When would an alert have fired, and what had it cost by then? Its own expression is asked of a Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from alerts import names
from alerts.inlining import Records, inlined
from alerts.windows import SHORTEST, Severity
from slo.objective import Objective


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time looked at, Unix seconds, and the seconds between two evaluations."""

    from_s: float
    to_s: float
    step_s: float


# A question to a Prometheus; the samples of its one series.
Ask = Callable[[str, Stretch], Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Firing:
    """One time that an alert was on, Unix seconds; `is_over` is False when it still is at the end of the look."""

    severity: Severity
    from_s: float
    to_s: float
    is_over: bool


@dataclass(frozen=True, slots=True)
class Spent:
    """The bad events of each step, and of how many bad ones the budget of a whole period consists at this traffic."""

    times_s: tuple[float, ...]
    bad: tuple[float, ...]
    budget: float

    def between(self, from_s: float, to_s: float) -> float:
        """Return which share of a period's budget was spent after one time and until another."""
        bad = sum(count for at, count in zip(self.times_s, self.bad, strict=True) if from_s < at <= to_s)
        return bad / self.budget if self.budget > 0 else 0.0


def alert_of(rules: Sequence[dict[str, Any]], severity: Severity) -> str:
    """Return the expression of an objective's alert by burn rate."""
    return next(
        str(rule["expr"])
        for rule in rules
        if rule.get("alert") == names.BURN and rule["labels"][names.SEVERITY_LABEL] == severity.value
    )


def firings(expression: str, severity: Severity, records: Records, ask: Ask, stretch: Stretch) -> list[Firing]:
    """Return when the expression gave something; one missing step ends it, since Prometheus ends an alert then."""
    made: list[Firing] = []
    begin = last = None
    step_s = stretch.step_s
    for at, _ in ask(inlined(expression, records), stretch):
        if begin is None or last is None:
            begin = at
        elif at - last > 1.5 * step_s:
            made.append(Firing(severity, begin, last + step_s, is_over=True))
            begin = at
        last = at
    if begin is not None and last is not None:
        is_over = last + 1.5 * step_s < stretch.to_s
        made.append(Firing(severity, begin, last + step_s if is_over else stretch.to_s, is_over))
    return made


def spent(one: Objective, records: Records, ask: Ask, stretch: Stretch) -> Spent:
    """Return what the budget was spent on; a period's budget is taken from the traffic of the time looked at."""
    total = f'{names.total(SHORTEST)}{{{names.SLO_LABEL}="{one.name}"}}'
    good = f'{names.good(SHORTEST)}{{{names.SLO_LABEL}="{one.name}"}}'
    asked = (f"clamp_min({total} - {good}, 0)", total)
    bad, events = (ask(inlined(each, records), stretch) for each in asked)
    a_second = sum(value for _, value in events) / len(events) if events else 0.0
    budget = float(one.allowed_bad_share) * a_second * one.period.total_seconds()
    return Spent(tuple(at for at, _ in bad), tuple(value * stretch.step_s for _, value in bad), budget)
