"""When is a service worked on by appointment, so that its requests count for no budget?"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from slo.calendar_period import ZONES

__all__ = ["ALLOWED", "Maintenance", "Once", "Weekly", "parse"]

ALLOWED = (
    "windows such as `sun,sat 02:00-04:00 Asia/Shanghai` or `daily 23:30-00:30 UTC` or "
    "`2026-12-01T01:00:00+08:00/2026-12-01T03:00:00+08:00`, separated by `;`"
)
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # in the order of PromQL's day_of_week()
_WEEKLY = re.compile(r"(daily|[a-z]{3}(?:,[a-z]{3})*) (\d\d):(\d\d)-(\d\d):(\d\d) (\S+)")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Weekly:
    """On these days (0 is Sunday) from one minute of the day until another; past midnight when that is the smaller."""

    days: frozenset[int]
    from_minute: int
    to_minute: int
    utc_offset: timedelta

    def on_days(self) -> tuple[tuple[frozenset[int], int, int], ...]:
        """Return the days with their minutes, none past midnight."""
        if self.from_minute < self.to_minute:
            return ((self.days, self.from_minute, self.to_minute),)
        after = frozenset((day + 1) % 7 for day in self.days)
        parts = ((self.days, self.from_minute, _DAY_MINUTES), (after, 0, self.to_minute))
        return tuple(part for part in parts if part[1] < part[2])


@dataclass(frozen=True, slots=True)
class Once:
    """Between two times, Unix seconds."""

    from_s: int
    to_s: int


Maintenance = Weekly | Once


def parse(text: str) -> tuple[Maintenance, ...]:
    """Read windows of maintenance; raises ValueError, with what is wrong."""
    return tuple(_one(part.strip()) for part in text.split(";") if part.strip())


def _one(text: str) -> Maintenance:
    if "/" in text and text[:1].isdigit():
        return _once(text)
    found = _WEEKLY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no window of maintenance")
    named = _DAYS if found[1] == "daily" else tuple(found[1].split(","))
    unknown = [day for day in named if day not in _DAYS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no day: {', '.join(_DAYS)}")
    if found[6] not in ZONES:
        raise ValueError(f"{found[6]!r} is no zone without summer time that is known: {', '.join(ZONES)}")
    begin, end = (_minute(found[place], found[place + 1]) for place in (2, 4))
    if begin in {end, _DAY_MINUTES}:
        raise ValueError(f"{text!r} lasts for no time, or begins at 24:00")
    return Weekly(frozenset(map(_DAYS.index, named)), begin, end, ZONES[found[6]])


def _minute(hours: str, minutes: str) -> int:
    made = int(hours) * 60 + int(minutes)
    if int(minutes) >= 60 or made > _DAY_MINUTES:
        raise ValueError(f"{hours}:{minutes} is no time of day")
    return made


def _once(text: str) -> Once:
    begin, _, end = text.partition("/")
    times = [datetime.fromisoformat(one) for one in (begin, end)]
    if any(one.tzinfo is None for one in times):
        raise ValueError(f"{text!r} has a time without its zone, such as +08:00")
    if times[0] >= times[1]:
        raise ValueError(f"{text!r} ends before it begins")
    return Once(*(round(one.timestamp()) for one in times))
