"""Over which pairs of windows is an error budget watched, and which burn rate is worth a page or a ticket?

Source: Google, The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts". An alert is for a share
of the whole period's budget that is spent within the long window; the short one, about a twelfth of it, ends it soon.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

from alerts.errors import RuleError
from alerts.lengths import span
from slo.objective import Objective


class Severity(StrEnum):
    """Whom an alert reaches: somebody at once, or somebody in working hours."""

    PAGE = "page"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Pair:
    """A long and a short window: both must burn faster than what spends `budget_share` within the long one."""

    severity: Severity
    long: timedelta
    short: timedelta
    budget_share: Fraction

    factor: Fraction | None = None  # the burn rate, where it is not that of the windows

    def burn_rate(self, period: timedelta) -> Fraction:
        """Return the burn rate above which the pair fires; 1 spends exactly the budget over the period."""
        if self.factor is not None:
            return self.factor
        return self.budget_share * Fraction(round(period.total_seconds()), round(self.long.total_seconds()))


PAIRS: Final = (
    Pair(Severity.PAGE, timedelta(hours=1), timedelta(minutes=5), Fraction(2, 100)),
    Pair(Severity.PAGE, timedelta(hours=6), timedelta(minutes=30), Fraction(5, 100)),
    Pair(Severity.TICKET, timedelta(days=1), timedelta(hours=2), Fraction(10, 100)),
    Pair(Severity.TICKET, timedelta(days=3), timedelta(hours=6), Fraction(10, 100)),
)
# A service with fewer requests than this in the long window of the slower page is judged over longer windows: there
# its last events are. The burn rate stays that of the slower page. Ours; no source has one.
QUIET_BELOW: Final = 20
QUIET_LONG: Final = timedelta(days=1)
QUIET_DAY_BELOW: Final = 4 * QUIET_BELOW  # in a day as quiet as its last six hours
# One failed request of a quiet service is a burn rate of hundreds. Ours: five are no accident at any objective here.
FEWEST_BAD: Final = 5
FEWEST_BAD_OF_LATE: Final = 2  # of a quiet service, in the long window of the slower page

SHORTEST: Final = min(pair.short for pair in PAIRS)


# For a shorter period the same windows would be a tenth of it, and the slowest would fire while all is as promised. So
# they shrink with it, and the burn rates stay; a short window holds some scrapes, whatever the period.
USUAL: Final = timedelta(days=28)
_SHORTEST_PERIOD: Final = timedelta(days=7)
_LEAST: Final = timedelta(minutes=5)


def pairs_of(period: timedelta) -> tuple[Pair, ...]:
    """Return the pairs of windows for an objective's period: those of the table from 28 days on, else shorter ones."""
    if period >= USUAL:
        return PAIRS
    shrunk = Fraction(round(period.total_seconds()), round(USUAL.total_seconds()))
    return tuple(
        Pair(
            pair.severity,
            _shrunk(pair.long, shrunk),
            _shrunk(pair.short, shrunk),
            pair.budget_share,
            pair.burn_rate(USUAL),
        )
        for pair in PAIRS
    )


def of_severity(severity: Severity, period: timedelta = USUAL) -> tuple[Pair, ...]:
    """Return the pairs of a severity, the fastest first."""
    return tuple(pair for pair in pairs_of(period) if pair.severity is severity)


def all_windows(period: timedelta = USUAL) -> tuple[timedelta, ...]:
    """Return every window that something is recorded for, each once, the shortest first.

    Those of the table are among them for every period, since dashboards compare objectives by them.
    """
    used = {window for pair in (*PAIRS, *pairs_of(period)) for window in (pair.long, pair.short)}
    return tuple(sorted(used | {QUIET_LONG}))


def long_windows(period: timedelta = USUAL) -> tuple[timedelta, ...]:
    """Return the windows over which bad events are counted, each once, the shortest first."""
    return tuple(sorted({pair.long for pair in pairs_of(period)} | {QUIET_LONG}))


def check_fireable(objectives: Iterable[Objective]) -> None:
    """Refuse objectives of which some pair could never fire, and periods too short for any.

    Raises RuleError, which names all of them.
    """
    faults = []
    for one in objectives:
        if one.period < _SHORTEST_PERIOD:
            faults.append(
                f"{one.origin}: {one.name}: its period of {span(one.period)} is too short to be watched by burn rate: "
                f"2 % of its budget are gone within minutes; {span(_SHORTEST_PERIOD)} and more can be watched"
            )
            continue
        for pair in pairs_of(one.period):
            needed = pair.burn_rate(one.period) * one.allowed_bad_share
            if needed >= 1:
                most = 1 - 1 / pair.burn_rate(one.period)
                faults.append(
                    f"{one.origin}: {one.name}: its {pair.severity} over {span(pair.long)} would need "
                    f"{float(needed):.0%} of requests to be bad, so it can never fire; "
                    f"a target above {float(most):.2%} can be watched"
                )
    if faults:
        raise RuleError("\n".join(faults))


def _shrunk(window: timedelta, by: Fraction) -> timedelta:
    minutes = round(Fraction(round(window.total_seconds()), 60) * by)
    return max(timedelta(minutes=minutes), _LEAST)
