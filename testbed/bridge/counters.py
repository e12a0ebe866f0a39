"""What has this bridge done since it started?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Durations:
    """Count, sum and longest of some durations, in seconds."""

    count: int = 0
    sum_s: float = 0.0
    max_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.count += 1
        self.sum_s += seconds
        self.max_s = max(self.max_s, seconds)

    def snapshot(self) -> dict[str, float]:
        """Return the present values."""
        return {"count": self.count, "sum_s": self.sum_s, "max_s": self.max_s}


@dataclass(slots=True)
class Counters:
    """Counts since the start of the process; they only grow.

    `unheard` counts replies that were published while nobody listened, `shed` requests that were too old for Letta when
    they were taken, `put_back` entries that returned to the list, of dead bridges and of this one.
    """

    taken: int = 0
    replied: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    letta_calls: Counter[str] = field(default_factory=Counter)
    letta_failures: Counter[str] = field(default_factory=Counter)
    letta_time: Durations = field(default_factory=Durations)
    retries: int = 0
    shed: int = 0
    fallbacks: Counter[str] = field(default_factory=Counter)
    late_fallbacks: int = 0
    duplicates_suppressed: int = 0
    redelivered: int = 0
    put_back: int = 0
    dead_lettered: int = 0
    unheard: int = 0

    def snapshot(self) -> dict[str, Any]:
        """Return the present values as JSON has them."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        values["letta_time"] = self.letta_time.snapshot()
        return values
