"""How many requests one independent request is worth when failures come in bursts.

The dispersion D is the long-run variance of bad counts per block of time over their binomial variance. Independent
failures have D = 1. A burst in which x requests fail has D = x wherever it falls against the edges of the blocks, if
the lags between blocks are summed as far as the burst reaches: a burst of one second touches two blocks of one second,
and gamma_0 + 2 gamma_1 puts the two halves together again.

A few bursts among many independent failures hide in D, which averages over failures. Their size shows in the third
moment: for failures in clusters of any sizes X, the sums S over a few blocks have sum(S^3) / sum(S^2) = E[X^3] /
E[X^2].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST_BAD_BLOCKS", "FEWEST_BLOCKS", "Dispersion", "Spread", "measure", "measure_many"]

# Below these counts a variance cannot be measured. The failures of neighbouring blocks then count as one burst.
FEWEST_BAD_BLOCKS = 3
FEWEST_BLOCKS = 8

# Sums over a few lags are always taken: bursts up to three seconds are seen even when nothing proves them.
_ALWAYS = (0, 1, 2, 3)
# Longer sums are noisy, so they count only where they stand out from independent failures by two standard deviations.
_WHEN_SIGNIFICANT = (7, 15, 31, 63)
_STANDARD_DEVIATIONS = 2.0
# Sums over so many blocks show the size of bursts; the noise of a third moment grows fast with the width.
_WIDTHS = (1, 2, 4)
# A window of 2L+1 blocks must fit this often into the run, or its sum says more about chance than about bursts.
_WINDOWS_IN_A_RUN = 8


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Dispersions and sizes of bursts of several runs, one of each for a run."""

    dispersion: NDArray[np.float64]
    burst: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dispersion:
    """What was measured.

    `value` is D, never below one; `burst` is the size, in failures, of the bursts that make most of D, never below D.
    `measured` is false when there were too few bad blocks, or blocks at all, for that.
    `reach_blocks` is the length of the longest burst, in blocks, that the run was long enough to recognise as one.
    """

    value: float
    burst: float
    measured: bool
    bad_blocks: int
    blocks: int
    reach_blocks: int


def measure(total: NDArray[np.int64], bad: NDArray[np.int64]) -> Dispersion:
    """Measure the dispersion of one run from its counts per block, in the order of time."""
    blocks, bad_blocks = int(bad.size), int(np.count_nonzero(bad))
    if not blocks:
        return Dispersion(value=1.0, burst=1.0, measured=False, bad_blocks=0, blocks=0, reach_blocks=0)
    spread = measure_many(total[np.newaxis, :], bad[np.newaxis, :])
    return Dispersion(
        value=float(spread.dispersion[0]),
        burst=float(spread.burst[0]),
        measured=bad_blocks >= FEWEST_BAD_BLOCKS and blocks >= FEWEST_BLOCKS,
        bad_blocks=bad_blocks,
        blocks=blocks,
        reach_blocks=max((lag for lag in (*_ALWAYS, *_WHEN_SIGNIFICANT) if _fits(lag, blocks)), default=0),
    )


def measure_many(total: NDArray[np.int64], bad: NDArray[np.int64]) -> Spread:
    """Measure several runs of equal length at once; both arrays are (runs, blocks)."""
    all_bad, everything = bad.sum(axis=1), total.sum(axis=1)
    share = all_bad / np.maximum(everything, 1)
    binomial = everything * share * (1.0 - share)
    defined = binomial > 0
    residual = bad - share[:, np.newaxis] * total
    ratio = _largest_variance(residual) / np.where(defined, binomial, 1.0)
    dispersion = np.where(defined, np.maximum(ratio, 1.0), 1.0)
    few = (np.count_nonzero(bad, axis=1) < FEWEST_BAD_BLOCKS) | (bad.shape[1] < FEWEST_BLOCKS)
    for run in np.flatnonzero(few & (all_bad > 0)):
        dispersion[run] = max(dispersion[run], _largest_cluster(bad[run]))
    burst = np.where(few, dispersion, np.maximum(dispersion, _burst_size(residual)))
    return Spread(np.asarray(dispersion, dtype=np.float64), np.asarray(burst, dtype=np.float64))


def _burst_size(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each run the third moment of sums over a few blocks over their second, zero where it is but noise."""
    runs, blocks = residual.shape
    largest = np.zeros(runs)
    running = np.concatenate([np.zeros((runs, 1)), np.cumsum(residual, axis=1)], axis=1)
    for width in _WIDTHS:
        if not _fits(width - 1, blocks):
            break
        sums = running[:, width:] - running[:, :-width]
        squares = np.einsum("rb,rb->r", sums, sums)
        ratio = np.einsum("rb,rb,rb->r", sums, sums, sums) / np.where(squares > 0, squares, 1.0)
        # Sums of `width` normal values have a sixth moment of 15; about blocks / width of them are independent.
        noise = _STANDARD_DEVIATIONS * np.sqrt(15.0 * width / blocks * squares / blocks)
        largest = np.maximum(largest, np.where(ratio > 1.0 + noise, ratio, 0.0))
    return largest


def _largest_variance(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each run the largest windowed long-run variance, as a sum over the run."""
    blocks = residual.shape[1]
    running = np.einsum("rb,rb->r", residual, residual)
    independent = np.maximum(running, 0.0)
    largest = running.copy()
    reached = 0
    for lag in (*_ALWAYS[1:], *_WHEN_SIGNIFICANT):
        if not _fits(lag, blocks):
            break
        for step in range(reached + 1, lag + 1):
            running = running + 2.0 * np.einsum("rb,rb->r", residual[:, :-step], residual[:, step:])
        reached = lag
        window = 2 * lag + 1
        # Residuals sum to zero, which takes window/blocks of the variance away; this puts it back.
        corrected = running * (blocks / (blocks - window))
        if lag in _WHEN_SIGNIFICANT:
            noise = _STANDARD_DEVIATIONS * np.sqrt(2.0 * window / blocks)
            corrected = np.where(corrected > independent * (1.0 + noise), corrected, 0.0)
        largest = np.maximum(largest, corrected)
    return np.asarray(largest, dtype=np.float64)


def _fits(lag: int, blocks: int) -> bool:
    return lag == 0 or _WINDOWS_IN_A_RUN * (2 * lag + 1) <= blocks


def _largest_cluster(bad: NDArray[np.int64]) -> float:
    """Return the number of failures in the worst series of neighbouring bad blocks."""
    at = np.flatnonzero(bad)
    clusters = np.split(bad[at], np.flatnonzero(np.diff(at) > 1) + 1)
    return float(max(int(cluster.sum()) for cluster in clusters))
