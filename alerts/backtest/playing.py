"""Which series hold a table of incidents, one after the other, with time between them that is long enough to forget?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

from alerts.backtest.incidents import Incident
from alerts.cases.events import Stretch, courses
from alerts.cases.timeline import values
from alerts.windows import PAIRS
from slo.objective import Objective

BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_MINUTE_S: Final = 60
# Before an incident every window must be full of healthy minutes, and after it every alert must be able to end.
_BETWEEN: Final = max(pair.long for pair in PAIRS) + max(pair.short for pair in PAIRS)


@dataclass(frozen=True, slots=True)
class Stage:
    """When one incident is on, Unix seconds; `looked_to_s` is when the look at its alerts ends."""

    incident: Incident
    from_s: float
    to_s: float
    looked_to_s: float


def stages(incidents: Iterable[Incident]) -> list[Stage]:
    """Return when each incident is on."""
    made, at = [], BEGIN.timestamp()
    for one in incidents:
        begin = at + _BETWEEN.total_seconds()
        end = begin + one.lasts.total_seconds()
        at = end + _after().total_seconds()
        made.append(Stage(one, begin, end, at))
    return made


def openmetrics(one: Objective, incidents: Iterable[Incident]) -> Iterator[str]:
    """Yield the lines of a text in the OpenMetrics format that holds the incidents for an objective."""
    begin_s = round(BEGIN.timestamp())
    for name, course in courses(one, _stretches(list(incidents))).items():
        for minute, value in enumerate(values(course)):
            if value is not None:
                yield f"{name} {float(value):.12g} {begin_s + minute * _MINUTE_S}"
    yield "# EOF"


def _after() -> timedelta:
    return max(pair.short for pair in PAIRS) + timedelta(hours=1)


def _stretches(incidents: list[Incident]) -> list[Stretch]:
    made = []
    for one in incidents:
        rate, minutes = one.requests_a_minute, round(one.lasts.total_seconds()) // _MINUTE_S
        made.append(Stretch(round(_BETWEEN.total_seconds()) // _MINUTE_S, rate, Fraction(0)))
        made.append(Stretch(minutes, rate, one.bad))
        made.append(Stretch(round(_after().total_seconds()) // _MINUTE_S, rate, Fraction(0)))
    return made
