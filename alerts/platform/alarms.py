"""What is an alarm of the platform, and how is it tried?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

from slo.objective import Location

SEVERITIES: Final = ("page", "ticket", "none")  # none: nobody is told; of the dead man, which always fires
ALWAYS: Final = "always"


@dataclass(frozen=True, slots=True)
class Course:
    """What one series does while all is well, when things are nearly ill, and when they are ill.

    Each is a number that it stands at, `+number` by which it grows a minute, `number-number` from which it falls by so
    much a minute, or `absent`.
    """

    well: str
    nearly: str
    ill: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm; `held` is how long its expression must be true, `kept` how long it stays after it is not any more.

    `trial` has the course of each series by which the alarm is tried; None when it always fires.
    """

    name: str
    component: str
    dashboard: str
    service: str
    severity: str
    expression: str
    held: timedelta
    kept: timedelta
    summary: str
    description: str
    runbook: str
    source: str
    reason: str
    trial: Mapping[str, Course] | None
    origin: Location


def by_component(alarms: Iterable[Alarm]) -> Iterator[tuple[str, Iterator[Alarm]]]:
    """Return alarms by their component, whichever files they are from; within one they keep their order."""
    yield from groupby(sorted(alarms, key=attrgetter("component")), attrgetter("component"))
