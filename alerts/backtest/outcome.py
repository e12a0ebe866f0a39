"""What came of an incident: who was told when, what was spent by then, and was anybody told for nothing?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts.backtest.looking import Firing, Spent
from alerts.windows import Severity, of_severity


@dataclass(frozen=True, slots=True)
class Told:
    """Of one severity: seconds from the incident's begin until the alert, and from its end until the alert's end.

    None: it never came, or had not ended when the look at it did.
    """

    after_s: float | None
    cleared_after_s: float | None
    spent_by_then: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one objective in one incident; shares are of a period's budget."""

    objective: str
    incident: str
    page: Told
    ticket: Told
    spent: float
    broken: tuple[str, ...]  # what was expected, and is not so


def told(firings: Sequence[Firing], spent: Spent, severity: Severity, *, from_s: float, to_s: float) -> Told:
    """Return what was told of an incident between two times; what fired before it began is not its alert."""
    of_it = [one for one in firings if one.severity is severity and one.from_s >= from_s]
    ours = [one for one in of_it if one.from_s <= to_s + _still(severity).total_seconds()]
    if not ours:
        return Told(None, None, None)
    first, last = ours[0], ours[-1]
    cleared = last.to_s - to_s if last.is_over else None
    return Told(first.from_s - from_s, cleared, spent.between(from_s, first.from_s))


def for_nothing(firings: Sequence[Firing], incidents: Sequence[tuple[float, float]]) -> list[Firing]:
    """Return the firings that began in no incident, and not so soon after one that its windows still held it."""
    return [
        one
        for one in firings
        if not any(begin <= one.from_s <= end + _still(one.severity).total_seconds() for begin, end in incidents)
    ]


def broken(what: str, seen: Told, expected: timedelta | None) -> tuple[str, ...]:
    """Return what of an expectation is not so, as a sentence; of none expected nothing is."""
    if expected is None:
        return ()
    if not expected:
        return (
            () if seen.after_s is None else (f"no {what} was expected, and one came after {seen.after_s / 60:.0f} min",)
        )
    if seen.after_s is None:
        return (f"a {what} was expected within {expected}, and none came",)
    if seen.after_s > expected.total_seconds():
        return (f"a {what} was expected within {expected}, and came after {seen.after_s / 60:.0f} min",)
    return ()


def _still(severity: Severity) -> timedelta:
    return max(pair.short for pair in of_severity(severity))
