"""How is an alarm of the platform tried? Well, nearly ill, ill until it must fire, well until it must have ended."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

from alerts import promql
from alerts.cases.timeline import Case, Check, course
from alerts.platform.alarms import Alarm

_SLACK = 3  # minutes: two evaluations, and one between a sample and the first of them


def cases(one: Alarm) -> Iterator[Case]:
    """Yield the cases of an alarm, by evaluations a minute apart."""
    if one.trial is None:
        yield Case(f"{one.name} always fires", {}, (Check(1, one.name, one.severity, 1),))
        return
    window, held, kept = _minutes(_longest_window(one)), _minutes(one.held), _minutes(one.kept)
    is_near = any(each.nearly != each.well for each in one.trial.values())
    well = window + 10
    nearly = well + (window + held + 10 if is_near else 0)
    ill = nearly + window + held + _SLACK
    ended = ill + window + kept + _SLACK
    series = {
        name: course(
            [(each.well, well), (each.nearly, nearly - well), (each.ill, ill - nearly), (each.well, ended - ill)]
        )
        for name, each in one.trial.items()
    }
    checks = [Check(minute, one.name, one.severity, 0) for minute in {well - 1, nearly - 1, ended - 1}]
    if held > 1:
        checks.append(Check(nearly + held - 2, one.name, one.severity, 0))
    checks.append(Check(ill - 1, one.name, one.severity, 1))
    yield Case(f"{one.name} fires when it must, and only then", series, tuple(checks))


def _longest_window(one: Alarm) -> timedelta:
    return max((each.window or timedelta(0) for each in promql.selectors(one.expression)), default=timedelta(0))


def _minutes(length: timedelta) -> int:
    return math.ceil(length / timedelta(minutes=1))
