"""How does one write a length of time for Prometheus or AOM, and read one?"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from alerts.errors import RuleError

_UNITS: Final = ((24 * 3600, "d"), (3600, "h"), (60, "m"), (1, "s"))
# `min` is AOM's word; the others are PromQL's, whose year has 365 days.
_SECONDS: Final = {name: size for size, name in _UNITS} | {"ms": 0.001, "min": 60, "w": 604_800, "y": 31_536_000}
_PART: Final = re.compile(r"(\d+)(ms|min|[smhdwy])")


def span(length: timedelta) -> str:
    """Return a length of time as PromQL writes it: 5m, 1h, 3d."""
    whole = round(length.total_seconds())
    size, name = next((size, name) for size, name in _UNITS if whole % size == 0)
    return f"{whole // size}{name}"


def length_of(text: str) -> timedelta:
    """Return a length of time that is written 10m, 1h30m or 30min; none is 0. Raises RuleError."""
    parts = _PART.findall(text)
    if "".join(count + unit for count, unit in parts) != text:
        raise RuleError(f"{text!r} is no length of time such as 10m or 1h30m")
    return timedelta(seconds=sum(int(count) * _SECONDS[unit] for count, unit in parts))
