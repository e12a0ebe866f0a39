"""What does a Prometheus answer, as far as a panel shows it? And who asks: a function that the command line gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its labels, and its samples as (Unix seconds, value); a native histogram's value is its count."""

    labels: tuple[tuple[str, str], ...]
    samples: tuple[tuple[float, float], ...]

    def label(self, name: str) -> str:
        """Return the value of a label, empty where there is none."""
        return next((value for one, value in self.labels if one == name), "")

    @property
    def finite(self) -> tuple[tuple[float, float], ...]:
        """Its samples without NaN and the infinities."""
        return tuple(one for one in self.samples if math.isfinite(one[1]))


class RefusedError(Exception):
    """The Prometheus said that an expression cannot be evaluated, and why."""


Ask = Callable[[str, float, float, float], Sequence[Series]]
"""Evaluate an expression from one Unix time to another with a step in seconds. Raises RefusedError."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time that a dashboard is looked at: Unix seconds, and how often what it shows is scraped."""

    from_s: float
    to_s: float
    scrape_interval_s: float = 15.0

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.to_s - self.from_s
