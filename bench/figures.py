"""How are repetitions summed up and printed? Percentiles, spread, errors, tables; all pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (50, 95, 99)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """The least, the middle and the greatest of some repetitions; with so few of them nothing finer is honest."""

    least: float
    median: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Sum up at least one value; raises ValueError without any."""
        if not values:
            raise ValueError("a spread needs at least one value")
        return cls(min(values), float(np.median(values)), max(values))

    def text(self, digits: int = 0) -> str:
        """Return `median (least to greatest)`."""
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f} to {self.greatest:,.{digits}f})"


def percentiles(values: Floats) -> tuple[float, ...]:
    """Return p50, p95 and p99 of exact values, interpolated linearly; NaN where there are no values."""
    if not len(values):
        return tuple(float("nan") for _ in PERCENTILES)
    return tuple(float(value) for value in np.percentile(values, PERCENTILES))


def error_percent(reported: float, truth: float) -> float:
    """Return by how many percent of the truth a report is too high (positive) or too low (negative)."""
    return (reported - truth) / truth * 100


def undisturbed_ms(rate: float, duration_s: float, *, stall_at_s: float, stall_s: float, service_ms: float) -> Floats:
    """Return the response times of a constant grid of arrivals at a target that stands still for `stall_s`.

    Nothing queues in it but the stall itself, so it is what a perfect generator on an idle machine would see: who
    arrives in the stall waits for its end and is then served; who is being served when it begins is held to its end.
    """
    arrival = (np.arange(round(rate * duration_s)) + 0.5) / rate
    end, service = stall_at_s + stall_s, service_ms / 1e3
    done = np.where((arrival >= stall_at_s) & (arrival < end), end + service, arrival + service)
    held = (arrival < stall_at_s) & (done >= stall_at_s) & (done < end)
    return np.asarray((np.where(held, end, done) - arrival) * 1e3, dtype=np.float64)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with columns of equal width, the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in [head, rule, *rows])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = row
    cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))]
    return f"| {' | '.join(cells)} |"
