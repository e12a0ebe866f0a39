"""Which days, weeks, months, quarters or years is a budget given for, when it is no rolling window?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from types import MappingProxyType

__all__ = ["ZONES", "CalendarPeriod", "CalendarUnit"]


class CalendarUnit(StrEnum):
    """A stretch of the calendar; the value is OpenSLO's shorthand for one of it."""

    DAY = "1d"
    WEEK = "1w"
    MONTH = "1M"
    QUARTER = "1Q"
    YEAR = "1Y"


_LONGEST_DAYS: Mapping[CalendarUnit, int] = MappingProxyType(
    {
        CalendarUnit.DAY: 1,
        CalendarUnit.WEEK: 7,
        CalendarUnit.MONTH: 31,
        CalendarUnit.QUARTER: 92,
        CalendarUnit.YEAR: 366,
    }
)
# Zones of Huawei Cloud's regions that have no summer time: PromQL knows no zones, so a period has one fixed offset.
# Source: IANA time zone database, 2025b.
ZONES: Mapping[str, timedelta] = MappingProxyType(
    {
        "UTC": timedelta(0),
        "Asia/Shanghai": timedelta(hours=8),
        "Asia/Hong_Kong": timedelta(hours=8),
        "Asia/Singapore": timedelta(hours=8),
        "Asia/Bangkok": timedelta(hours=7),
        "Asia/Jakarta": timedelta(hours=7),
        "Asia/Riyadh": timedelta(hours=3),
        "Europe/Istanbul": timedelta(hours=3),
        "Africa/Johannesburg": timedelta(hours=2),
        "America/Sao_Paulo": timedelta(hours=-3),
        "America/Mexico_City": timedelta(hours=-6),
    }
)


@dataclass(frozen=True, slots=True)
class CalendarPeriod:
    """Each day, week (from Monday), month, quarter or year, in a zone with this offset from UTC."""

    unit: CalendarUnit
    utc_offset: timedelta

    @property
    def longest(self) -> timedelta:
        """The length of the longest one."""
        return timedelta(days=_LONGEST_DAYS[self.unit])

    def begin(self, now_s: float) -> float:
        """Return when the period that a time lies in began; both are Unix seconds."""
        local = datetime.fromtimestamp(now_s, timezone(self.utc_offset))
        day = local.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.unit is CalendarUnit.WEEK:
            return (day - timedelta(days=day.weekday())).timestamp()
        if self.unit is CalendarUnit.MONTH:
            day = day.replace(day=1)
        elif self.unit is CalendarUnit.QUARTER:
            day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        elif self.unit is CalendarUnit.YEAR:
            day = day.replace(month=1, day=1)
        return day.timestamp()
