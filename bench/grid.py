"""How evenly did requests arrive? Distance from a constant grid, and bunching; pure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bench.figures import Floats

_BIN_NS = 10_000_000


def off_schedule_ms(arrival_ns: NDArray[np.int64], rate: float) -> Floats:
    """Return for each arrival, in order, how far it is from its place on a grid of `rate` a second.

    Where the grid begins is fitted: no tool says when its schedule began, so the median of the offsets is subtracted.
    The n-th arrival belongs to the n-th place: a tool that left one out is off by a whole gap from there on.
    """
    arrived = np.sort(arrival_ns)
    offset_ms = (arrived - arrived[:1]) / 1e6 - np.arange(len(arrived)) * (1e3 / rate)
    return np.asarray(np.abs(offset_ms - np.median(offset_ms)), dtype=np.float64) if len(arrived) else np.empty(0)


def burst_index(arrival_ns: NDArray[np.int64]) -> float:
    """Return variance over mean of the arrivals in each 10 ms: 1 for a Poisson process, about 0 for a grid.

    NaN where there are fewer than two whole bins.
    """
    since_ns = np.sort(arrival_ns) - np.min(arrival_ns, initial=np.iinfo(np.int64).max)
    whole = int(np.max(since_ns, initial=0)) // _BIN_NS  # the last bin is cut short
    if whole < 2:
        return math.nan
    counts = np.bincount(since_ns[since_ns < whole * _BIN_NS] // _BIN_NS, minlength=whole)
    return float(counts.var() / counts.mean())


def users_needed(rate: float, worst_s: float) -> int:
    """Return how many users of a closed pool can be waiting at once, so that none is missing: Little's law, and 20."""
    return math.ceil(rate * worst_s) + 20
