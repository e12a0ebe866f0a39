"""Which stretch of time does the user mean? `--from` and `--to` as times of day or as durations before now."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import click

_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class When(click.ParamType[float]):
    """A Unix time in seconds, from `2026-11-21T10:00:00Z`, `2h` (so long ago) or `now`."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return Unix seconds; raises click.BadParameter."""
        if isinstance(value, float):
            return value
        now = datetime.now(UTC)
        if value == "now":
            return now.timestamp()
        if found := _DURATION.fullmatch(value):
            return now.timestamp() - float(found[1]) * _SECONDS[found[2]]
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-11-21T10:00:00Z, 2h (so long ago) or now", param, ctx)
        if time.tzinfo is None:
            self.fail(f"{value!r} has no time zone; write {value}Z for UTC or {value}+08:00", param, ctx)
        return time.timestamp()
