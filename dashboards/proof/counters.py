"""Which series only ever rise? Their value itself tells nobody anything: only how fast it rises does."""

from __future__ import annotations

from typing import Final

from alerts.lint.vocabulary import shipped
from alerts.promql import READING_COUNTERS

_ENDINGS: Final = ("_total", "_count", "_sum", "_bucket")


def is_counter(name: str) -> bool:
    """Whether a series only ever rises, by what is known of it, or else as its name says."""
    known = shipped().get(name)
    return name.endswith(_ENDINGS) and ":" not in name and (known is None or known.kind != "gauge")


def is_read(within: tuple[str, ...]) -> bool:
    """Whether one of these functions and aggregations around a counter reads it as one."""
    return bool(READING_COUNTERS.intersection(within))
