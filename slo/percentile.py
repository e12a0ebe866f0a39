"""Between which two observed values a percentile lies, whatever the distribution.

A percentile is the nearest-rank one: the q-quantile of n values is the one of rank ceil(q n). The interval is the exact
binomial one between two order statistics (David and Nagaraja, Order Statistics, section 7.1), with equal tails.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, log

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrik

from slo import dispersion

__all__ = ["Interval", "fewest_values", "percentile_interval"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile and its confidence interval, in the unit of the values.

    A side is None when there are too few values for it: no observed value is far enough out. `sufficient` says that
    both sides exist. `effective_count` is the number of independent values that would tell as much.
    """

    value: float
    lower: float | None
    upper: float | None
    sufficient: bool
    count: int
    effective_count: float


def percentile_interval(
    values: ArrayLike, q: Fraction | float, blocks: NDArray[np.int64] | None = None, confidence: float = 0.95
) -> Interval:
    """Return the q-quantile (0 < q < 1) of the values with its two-sided interval.

    `blocks` gives for each value the number of its block of time; values above the percentile that come in bursts then
    widen the interval as bursts of failures widen the bounds of a share. An infinite value stands for an answer that
    never came.

    Raises:
        ValueError: there is no value, one is not a number, or q is not between 0 and 1.
    """
    data = np.asarray(values, dtype=np.float64)
    quantile = q if isinstance(q, Fraction) else Fraction(str(q))
    if not 0 < quantile < 1 or not data.size or np.isnan(data).any():
        raise ValueError(f"q {q} must lie between 0 and 1, and {data.size} values must be at least one and all numbers")
    ordered = np.sort(data)
    count = int(data.size)
    value = float(ordered[ceil(quantile * count) - 1])
    spread = _spread(data, value, blocks)
    low_rank, high_rank = _ranks(count, quantile, spread, confidence)
    lower = float(ordered[low_rank - 1]) if low_rank is not None else None
    upper = float(ordered[high_rank - 1]) if high_rank is not None else None
    return Interval(value, lower, upper, None not in {lower, upper}, count, count / spread)


def fewest_values(q: Fraction | float, confidence: float = 0.95) -> int:
    """Return the fewest independent values with which both sides exist: 6 at p50, 36 at p90, 72 at p95, 368 at p99."""
    extreme = max(float(q), 1 - float(q))
    return ceil(log((1 - confidence) / 2) / log(extreme))


def _spread(data: NDArray[np.float64], value: float, blocks: NDArray[np.int64] | None) -> float:
    """Return the dispersion of the values above the percentile, 1 when nothing is known about their times."""
    if blocks is None:
        return 1.0
    numbers = np.asarray(blocks, dtype=np.int64)
    if numbers.shape != data.shape or numbers.min() < 0:
        raise ValueError(f"{numbers.size} block numbers for {data.size} values; one for each, from 0")
    total = np.bincount(numbers)
    above = np.bincount(numbers[data > value], minlength=total.size)
    return dispersion.measure(total, above).value


def _at_least(probability: float, count: int, q: float) -> int:
    """Return the smallest number that a binomial value does not exceed with at least this probability."""
    found = ceil(bdtrik(probability, count, q))
    return found - 1 if found > 0 and bdtr(found - 1, count, q) >= probability else found


def _ranks(count: int, quantile: Fraction, spread: float, confidence: float) -> tuple[int | None, int | None]:
    """Return the ranks (from 1) of both sides among `count` values worth count / spread independent ones."""
    worth = floor(count / spread)
    tail, q = (1 - confidence) / 2, float(quantile)
    if worth < 1:
        return None, None
    # X_(r) lies above the quantile when at most r - 1 values lie at or below it; r is the largest rank for which that
    # is improbable. X_(s) lies below it when at least s values do; s is the smallest such rank.
    below = _at_least(tail, worth, q)
    low = below if bdtr(below, worth, q) > tail else below + 1
    high = _at_least(1 - tail, worth, q) + 1
    low_rank = floor((low - 1) * spread) + 1 if low >= 1 else None
    high_rank = min(count, ceil(high * spread)) if high <= worth else None
    return low_rank, high_rank
