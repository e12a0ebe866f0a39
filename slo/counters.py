"""How many events did a counter count between two times, going by the raw samples that a monitoring system kept of it?

`increase()` extrapolates to the edges of its window and gives fractions of events; what is compared with an objective
must be whole numbers, and what could not be seen must be said.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["CounterSamples", "Growth", "growth", "scrape_interval_s", "uncovered_s"]

# A missed scrape doubles the distance of two samples; a gap is one of more than two scrapes, give or take jitter.
_MISSED = 1.5
_GAP = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class CounterSamples:
    """Raw samples of one counter: Unix times in seconds, ascending, and the whole number that stood there."""

    times_s: NDArray[np.float64]
    values: NDArray[np.int64]

    def __init__(self, times_s: ArrayLike, values: ArrayLike) -> None:
        times, given = np.asarray(times_s, np.float64), np.asarray(values, np.float64)
        if times.shape != given.shape or times.ndim != 1 or (np.diff(times) <= 0).any():
            raise ValueError("a value for each time, and the times ascending")
        if not (np.isfinite(given).all() and (given >= 0).all() and (given == np.floor(given)).all()):
            raise ValueError("a counter of events holds whole numbers from 0")
        object.__setattr__(self, "times_s", times)
        object.__setattr__(self, "values", given.astype(np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """What one counter counted: `counts` events were first seen at `times_s`.

    `resets` are the times at which it had begun again, `missed` those after one or more missed scrapes, `gaps` the
    stretches of more than two scrapes without a sample, `lost` those of them in which it also began again: what it
    counted before that is unknown. `is_start_known` says that the first value had something to be compared with.
    """

    times_s: NDArray[np.float64]
    counts: NDArray[np.int64]
    resets: tuple[float, ...]
    missed: tuple[float, ...]
    gaps: tuple[tuple[float, float], ...]
    lost: tuple[tuple[float, float], ...]
    is_start_known: bool

    @property
    def total(self) -> int:
        """All events."""
        return int(self.counts.sum())


def growth(samples: CounterSamples, from_s: float, to_s: float, *, interval_s: float, began_at_zero: bool) -> Growth:
    """Return what was counted after `from_s` and until `to_s`.

    The last sample at or before `from_s` is what the first is compared with. Without one the counter began in the
    window, at zero, when `began_at_zero` says that its target was watched before; else its first value says nothing.
    """
    times, values = samples.times_s, samples.values
    first = int(np.searchsorted(times, from_s, side="right"))
    last = int(np.searchsorted(times, to_s, side="right"))
    has_base = first > 0
    inside, here = values[first:last], times[first:last]
    before = np.concatenate([values[first - 1 : first] if has_base else np.zeros(1, np.int64), inside])[: len(inside)]
    counts = np.where(inside >= before, inside - before, inside)
    restarted = inside < before
    if len(counts) and not has_base and not began_at_zero:
        counts[0] = 0
    earlier = np.concatenate([times[first - 1 : first] if has_base else here[:1], here])[: len(here)]
    apart = here - earlier
    is_gap = apart > _GAP * interval_s
    return Growth(
        times_s=here,
        counts=counts,
        resets=tuple(here[restarted].tolist()),
        missed=tuple(here[apart > _MISSED * interval_s].tolist()),
        gaps=_stretches(earlier, here, is_gap),
        lost=_stretches(earlier, here, is_gap & restarted),
        is_start_known=has_base or began_at_zero or not len(here),
    )


def scrape_interval_s(series: Iterable[NDArray[np.float64]]) -> float | None:
    """Return the median distance of neighbouring samples, in seconds; None when no series has two."""
    distances = [np.diff(times) for times in series if len(times) > 1]
    return float(np.median(np.concatenate(distances))) if distances else None


def uncovered_s(times: Sequence[float], from_s: float, to_s: float, *, interval_s: float) -> float:
    """Return for how many seconds of the window nothing at all was seen: gaps between any samples, and at its ends.

    A stretch within two scrapes is covered, as the last sample stands for what comes until the next.
    """
    inside = sorted({time for time in times if from_s < time <= to_s})
    ends = [from_s, *inside, to_s]
    return sum(later - earlier for earlier, later in pairwise(ends) if later - earlier > _GAP * interval_s)


def _stretches(
    begin: NDArray[np.float64], end: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> tuple[tuple[float, float], ...]:
    return tuple(zip(begin[chosen].tolist(), end[chosen].tolist(), strict=True))
