"""When is it, in PromQL: within planned maintenance or not, and in which period of a calendar?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from slo.calendar_period import CalendarPeriod, CalendarUnit
from slo.maintenance import Maintenance, Once

_MONDAY_S: Final = 3 * 86_400  # 1 January 1970 was a Thursday


def in_maintenance(windows: tuple[Maintenance, ...]) -> str:
    """Return an expression that is 1 within any window and 0 outside of all."""
    return f"clamp_max({' + '.join(_within(one) for one in windows)}, 1)"


def _within(window: Maintenance) -> str:
    if isinstance(window, Once):
        return f"(vector(time()) >= bool {window.from_s}) * (vector(time()) < bool {window.to_s})"
    local = f"vector(time(){_shift(window.utc_offset)})"
    minute = f"(hour({local}) * 60 + minute({local}))"
    parts = []
    for days, begin, end in window.on_days():
        time_of_day = f"({minute} >= bool {begin}) * ({minute} < bool {end})"
        if len(days) == len(range(7)):
            parts.append(time_of_day)
        else:
            on_day = " + ".join(f"(day_of_week({local}) == bool {day})" for day in sorted(days))
            parts.append(f"({on_day}) * {time_of_day}")
    return " + ".join(parts)


def period_number(calendar: CalendarPeriod) -> str:
    """Return the number of the present period of a calendar, modulo 3."""
    return f"vector({_NUMBERS[calendar.unit](_shift(calendar.utc_offset))} % 3)"


_NUMBERS: Final[dict[CalendarUnit, Callable[[str], str]]] = {
    CalendarUnit.DAY: lambda shift: f"scalar(floor(vector((time(){shift}) / 86400)))",
    CalendarUnit.WEEK: lambda shift: f"scalar(floor(vector((time(){shift} + {_MONDAY_S}) / 604800)))",
    CalendarUnit.MONTH: lambda shift: f"scalar(12 * year(vector(time(){shift})) + month(vector(time(){shift})))",
    CalendarUnit.QUARTER: lambda shift: (
        f"scalar(4 * year(vector(time(){shift})) + floor((month(vector(time(){shift})) - 1) / 3))"
    ),
    CalendarUnit.YEAR: lambda shift: f"scalar(year(vector(time(){shift})))",
}


def _shift(offset: timedelta) -> str:
    seconds = round(offset.total_seconds())
    return f" {'+' if seconds > 0 else '-'} {abs(seconds)}" if seconds else ""
