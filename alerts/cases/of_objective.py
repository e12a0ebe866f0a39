"""How is each alert of an objective tried? From its own target and period: when must it fire, and when not yet?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Final

from alerts import names
from alerts.cases.events import Stretch, count_of, series
from alerts.cases.timeline import Case, Check
from alerts.rules import ABSENT_FOR, IMPOSSIBLE_FOR, LOSS_SEEN_FOR, has_absence
from alerts.windows import Severity, of_severity
from slo.objective import Kind, Objective

BUSY: Final = Fraction(6000)  # events a minute, 100 a second: enough that no alert is held back for want of events
TICKET_STEP: Final = timedelta(minutes=30)  # between evaluations: the cases of tickets last for days
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_SLACK: Final = 3  # minutes
_NEAR: Final = Fraction(9, 10)  # of the lowest burn rate that fires


def by_the_minute(one: Objective) -> Iterator[Case]:
    """Yield the cases for evaluations a minute apart: the page, absence, impossible counts, what may never happen."""
    if one.kind is Kind.INVARIANT:
        yield _broken(one)
    elif not one.maintenance:  # whose windows may lie anywhere in a case, and nothing fires in them
        yield _burning(one, Severity.PAGE, _MINUTE)
        yield _impossible(one)
    if has_absence(one):
        yield _absent(one)


def by_the_half_hour(one: Objective) -> Iterator[Case]:
    """Yield the cases for evaluations `TICKET_STEP` apart: the ticket."""
    if one.kind is Kind.SHARE and not one.maintenance:
        yield _burning(one, Severity.TICKET, TICKET_STEP)


def _burning(one: Objective, severity: Severity, step: timedelta) -> Case:
    """Well, then nearly burning for the longest window, well again, all bad until it must fire, well until it ends."""
    pairs = of_severity(severity, one.period)
    longest = max(pair.long for pair in pairs)
    fires_after = min(_fires_after(one, pair.long, pair.burn_rate(one.period)) for pair in pairs)
    clears_after = max(pair.short for pair in pairs)
    near = _NEAR * min(pair.burn_rate(one.period) for pair in pairs) * one.allowed_bad_share
    course = (
        (_HOUR, Fraction(0), 0),
        (longest + _HOUR, near, 0),
        (longest, Fraction(0), 0),
        (_up(fires_after, step) + 2 * step, Fraction(1), 1),
        (_up(clears_after, step) + 2 * step, Fraction(0), 0),
    )
    at, stretches, checks = timedelta(0), [], []
    for length, bad, firing in course:
        if firing and fires_after > 3 * step:
            checks.append(Check((at + _up(fires_after, step) - 2 * step) // _MINUTE, names.BURN, severity, 0))
        at += length
        stretches.append(Stretch(length // _MINUTE, BUSY, bad))
        checks.append(Check((at - step) // _MINUTE, names.BURN, severity, firing))
    title = f"{one.name}: its {severity} fires when everything is bad, and not at nine tenths of what it is for"
    return Case(title, series(one, stretches), tuple(checks))


def _up(length: timedelta, step: timedelta) -> timedelta:
    return step * math.ceil(length / step)


def _fires_after(one: Objective, long: timedelta, rate: Fraction) -> timedelta:
    """How long everything must be bad until the long window burns at this rate."""
    needed = rate * one.allowed_bad_share
    return timedelta(seconds=float(needed * round(long.total_seconds())))


def _absent(one: Objective) -> Case:
    held = ABSENT_FOR // _MINUTE
    there, gone = 30, held + _SLACK
    checks = [(there, 0), (there + held - 1, 0), (there + gone, 1), (there + gone + _SLACK, 0)]
    stretches = [("+60", there), ("absent", gone), ("+60", 10)]
    return Case(
        f"{one.name}: no data is said, and only then",
        count_of(one.total_query or "", stretches),
        tuple(Check(minute - 1, names.ABSENT, Severity.TICKET, firing) for minute, firing in checks),
    )


def _impossible(one: Objective) -> Case:
    well = of_severity(Severity.PAGE, one.period)[0].long // _MINUTE
    held = IMPOSSIBLE_FOR // _MINUTE
    wrong = well + held
    made = series(one, [Stretch(well, BUSY), Stretch(wrong, BUSY), Stretch(2 * well, BUSY)])
    if len(made) != 2 or _share_one_metric(one):
        # Where good is a part of the total it can never be more than it.
        return Case(
            f"{one.name}: more good events than events cannot be", made, _said(names.IMPOSSIBLE, well + wrong, 0)
        )
    good, _ = made
    made[good] = _with_double(well, wrong, 2 * well)
    checks = (*_said(names.IMPOSSIBLE, well, 0), *_said(names.IMPOSSIBLE, well + wrong, 1))
    return Case(
        f"{one.name}: more good events than events are said, and only then",
        made,
        (*checks, *_said(names.IMPOSSIBLE, 3 * well + wrong, 0)),
    )


def _with_double(well: int, wrong: int, after: int) -> str:
    per_minute = round(BUSY)
    doubled = per_minute * (well - 1) + 2 * per_minute
    last = doubled + 2 * per_minute * (wrong - 1)
    return (
        f"0+{per_minute}x{well - 1} {doubled}+{2 * per_minute}x{wrong - 1} {last + per_minute}+{per_minute}x{after - 1}"
    )


def _share_one_metric(one: Objective) -> bool:
    return (one.good_query or "").partition("{")[0] == (one.total_query or "").partition("{")[0]


def _broken(one: Objective) -> Case:
    seen = LOSS_SEEN_FOR // _MINUTE
    well = 30
    made = count_of(one.bad_query or "", [("0", well), ("+1", 2), ("+0", seen + _SLACK)])
    checks = [(well, 0), (well + 2, 1), (well + 2 + seen + _SLACK, 0)]
    return Case(
        f"{one.name}: one violation pages, and the page ends",
        {**made, **count_of(one.total_query or "", [("+60", well + seen + 5)])},
        tuple(Check(minute - 1, names.BROKEN, Severity.PAGE, firing) for minute, firing in checks),
    )


def _said(alert: str, minute: int, firing: int) -> tuple[Check, ...]:
    return (Check(minute - 1, alert, Severity.TICKET, firing),)
