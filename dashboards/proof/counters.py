"""Which series only ever rise? Their value itself tells nobody anything: only how fast it rises does."""

from __future__ import annotations

from functools import cache
from typing import Final

from letta_otel.conventions import metrics as conventions
from letta_otel.conventions.kinds import Metric

_ENDINGS: Final = ("_total", "_count", "_sum", "_bucket")
# What ends as a counter does, and is none: of postgres_exporter 0.11.1 and node_exporter 1.5.
_GAUGES: Final = frozenset({"pg_stat_activity_count", "pg_locks_count", "node_procs_count"})
# Inside one of these a counter is read for what it is: how fast it rises, or whether it is there at all.
_READING: Final = frozenset(
    "rate irate increase resets changes absent absent_over_time present_over_time count_over_time timestamp".split()
) | {"count", "group"}


def is_gauge(name: str) -> bool:
    """Whether a series is known to rise and fall although its name ends as a counter's does."""
    return name in _GAUGES or name in _own_gauges()


def is_counter(name: str) -> bool:
    """Whether a series only ever rises, as its name says."""
    return name.endswith(_ENDINGS) and ":" not in name and not is_gauge(name)


def is_read(within: tuple[str, ...]) -> bool:
    """Whether one of these functions and aggregations around a counter reads it as one."""
    return bool(_READING.intersection(within))


@cache
def _own_gauges() -> frozenset[str]:
    found = (one for one in vars(conventions).values() if isinstance(one, Metric))
    return frozenset(one.prometheus for one in found if one.instrument in ("updowncounter", "gauge"))
