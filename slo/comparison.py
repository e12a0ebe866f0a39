"""Whether a candidate is worse than a base in a percentile or a share, and by how much at least and at most.

A percentile is compared as a ratio, block of time by block of time. Where both were driven in turns, the unit is the
pair of neighbouring slices: what slows the machine slows both, and since the order within a pair was drawn at random,
swapping the sides of a pair changes nothing but the sign of its log ratio when nothing differs. The interval holds all
ratios that the exact signed-rank test does not refute (Hodges and Lehmann 1963; Hollander, Wolfe and Chicken,
Nonparametric Statistical Methods, section 3.3), so one odd slice moves it little. Two runs apart from each other are
cut into a few long batches, and the exact rank-sum test takes the place of the signed-rank one (same book, 4.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import ceil, exp, inf, log, log2, pi, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from slo.share import ShareJudgement
from slo.verdict import Verdict

__all__ = [
    "POWER",
    "Difference",
    "Finding",
    "Interval",
    "fewest_pairs",
    "longer_by",
    "pair_deviation",
    "pairs_needed",
    "ratio_in_turns",
    "ratio_of_runs",
    "share_difference",
    "verdict_of",
]

# A candidate that is worse by the tolerance is found in at least this share of comparisons of the planned length.
POWER = 0.9

# Below two values beyond the percentile it is the largest value of its block, which says little.
_FEWEST_BEYOND = 2
_NORMAL = NormalDist()
# Batches must be long against what makes neighbouring requests alike; the widest interval of both cuts counts.
_BATCHES = (8, 16)
# One side of a block without an answer is a factor beyond measure; e^12 (160,000) lies beyond any that is measured.
_BEYOND_MEASURE = 12.0
# Efficiency of ranks against means where deviations are normal (Hodges and Lehmann 1956).
_RANK_EFFICIENCY = 3 / pi
# Blocks differ in size, and a percentile of few values varies more than its formula says. Ours, from simulations.
_ROOM = 1.25

Values = NDArray[np.float64]


class Finding(StrEnum):
    """What an interval says about a difference."""

    BETTER = "better"
    SAME = "no difference shown"
    WITHIN = "worse within the tolerance"
    WORSE = "worse"
    UNKNOWN = "inconclusive"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its two-sided interval; `blocks` of time stand behind it, 0 where it comes from counts."""

    estimate: float
    lower: float
    upper: float
    blocks: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How a candidate differs from a base in one figure, larger being worse.

    `nothing` is the value of no change: 1 for a ratio, 0 for a difference. `most` is the largest value that is
    tolerated. `interval` is None where there were too few requests for one.
    """

    interval: Interval | None
    nothing: float
    most: float

    @property
    def finding(self) -> Finding:
        """Return what the interval says.

        `worse` needs proof of a change for the worse that may be larger than tolerated; a change that is proven to be
        within the tolerance is none to stop for, and where neither is proven nothing is known.
        """
        found = self.interval
        if found is None:
            return Finding.UNKNOWN
        if found.upper <= self.most:
            if found.lower > self.nothing:
                return Finding.WITHIN
            return Finding.BETTER if found.upper < self.nothing else Finding.SAME
        return Finding.WORSE if found.lower > self.nothing else Finding.UNKNOWN


def verdict_of(finding: Finding) -> Verdict:
    """Return what a finding means to a gate: `met` is shown to be no worse than tolerated, `missed` is shown worse."""
    if finding is Finding.WORSE:
        return Verdict.MISSED
    return Verdict.INCONCLUSIVE if finding is Finding.UNKNOWN else Verdict.MET


def ratio_in_turns(
    base: Sequence[Values], candidate: Sequence[Values], q: Fraction, *, error: float
) -> Interval | None:
    """Return the ratio of the q-quantiles, candidate over base, of two targets driven in turns.

    Args:
        base: what was measured, one array for each slice of time; infinite stands for an answer that never came.
        candidate: the same; slice i is the neighbour of slice i of the base.
        q: the quantile, between 0 and 1.
        error: how often the interval may miss the truth, both sides together.

    Neighbouring pairs are put together until each block has values beyond the quantile. None: too few blocks for an
    interval.
    """
    blocks = _blocks(base, candidate, _fewest_values(q))
    logs = [_log_ratio(_quantile(one, q), _quantile(other, q)) for one, other in blocks]
    rank = _rank(_signed_rank(len(logs)), error)
    if rank is None:
        return None
    values = np.array(logs)
    first, second = np.triu_indices(len(values))
    return _interval((values[first] + values[second]) / 2, rank, len(values))


def ratio_of_runs(base: Sequence[Values], candidate: Sequence[Values], q: Fraction, *, error: float) -> Interval | None:
    """Return the ratio of the q-quantiles, candidate over base, of two runs that were apart from each other.

    Args:
        base: what was measured, one array for each block of time (a second, say), in order.
        candidate: the same of the other run; its length may differ.
        q: the quantile, between 0 and 1.
        error: how often the interval may miss the truth, both sides together.

    None: too few values for batches.
    """
    found = [one for count in _BATCHES if (one := _between_batches(base, candidate, q, count, error)) is not None]
    if not found:
        return None
    # Long batches hide less of what makes neighbours alike, short ones are more: no claim that the other denies
    return Interval(
        found[-1].estimate, min(one.lower for one in found), max(one.upper for one in found), found[-1].blocks
    )


def share_difference(base: ShareJudgement, candidate: ShareJudgement) -> Interval | None:
    """Return the difference of the bad shares, candidate minus base; None when a side has no request.

    Its interval squares and adds the distances to the bounds of each side (Newcombe, Statistics in Medicine 17, 1998,
    method 10), which are exact and widened by bursts. Its two-sided error is twice the one-sided one of these bounds.
    What strikes both sides is not taken out, so turns make it no narrower.
    """
    if base.bad_share is None or candidate.bad_share is None:
        return None
    change = candidate.bad_share - base.bad_share
    down = sqrt((candidate.bad_share - candidate.lower) ** 2 + (base.upper - base.bad_share) ** 2)
    up = sqrt((candidate.upper - candidate.bad_share) ** 2 + (base.bad_share - base.lower) ** 2)
    return Interval(change, max(-1.0, change - down), min(1.0, change + up), 0)


def fewest_pairs(error: float) -> int:
    """Return the fewest pairs with which the exact signed-rank test can refute anything."""
    return ceil(1 - log2(error))


def pair_deviation(q: Fraction, requests: float, *, shape: float, noise: float = 0.0) -> float:
    """Return the standard deviation of the log ratio of the q-quantiles of one pair of slices.

    `requests` are those in one slice; `shape` is the standard deviation of the logarithm of a time (lognormal), `noise`
    that of what disturbs one slice and not its neighbour. The variance of a sample quantile is q (1 - q) / (n f^2).
    """
    density = _NORMAL.pdf(_NORMAL.inv_cdf(float(q)))
    of_one_side = float(q * (1 - q)) / density**2 * shape**2 / requests
    return sqrt(2 * of_one_side + noise**2)


def pairs_needed(deviation: float, *, tolerance: float, error: float, power: float = POWER) -> int:
    """Return how many pairs find a candidate that is slower by the tolerance, with this power.

    A candidate that is no slower is shown to be within the tolerance by the same number, with the same power.
    """
    wanted = _deviations(error, power) * deviation / log(1 + tolerance)
    # The last term: the deviation is measured and not known (Guenther, American Statistician 35, 1981).
    return max(fewest_pairs(error) + 1, ceil(_ROOM * wanted**2 / _RANK_EFFICIENCY + _tail(error / 2) ** 2 / 2))


def longer_by(interval: Interval, *, tolerance: float, error: float, power: float = POWER) -> float:
    """Return how many times as long a comparison must be to decide about a ratio with this power, from its interval."""
    half_width = (log(interval.upper) - log(interval.lower)) / 2 if interval.lower > 0 and interval.upper < inf else inf
    return float((half_width / _tail(error / 2) * _deviations(error, power) / log(1 + tolerance)) ** 2)


def _deviations(error: float, power: float) -> float:
    return _tail(error / 2) + _NORMAL.inv_cdf(power)


def _tail(share: float) -> float:
    """Return what a standard normal value exceeds with this chance."""
    return -_NORMAL.inv_cdf(share)


def _fewest_values(q: Fraction) -> int:
    return ceil(_FEWEST_BEYOND / min(q, 1 - q))


def _blocks(base: Sequence[Values], candidate: Sequence[Values], fewest: int) -> list[tuple[Values, Values]]:
    """Join neighbouring pairs until each side has the fewest values; what is left over at the end joins the last."""
    counts = [(one.size, other.size) for one, other in zip(base, candidate, strict=True)]
    if not counts:
        return []
    edges, have, have_other = [0], 0, 0
    for place, (more, more_other) in enumerate(counts, 1):
        have, have_other = have + more, have_other + more_other
        if min(have, have_other) >= fewest:
            edges.append(place)
            have, have_other = 0, 0
    edges[-1 if len(edges) > 1 else 1 :] = [len(counts)]
    joined = [(np.concatenate(base[start:end]), np.concatenate(candidate[start:end])) for start, end in pairwise(edges)]
    return [(one, other) for one, other in joined if one.size and other.size]


def _between_batches(
    base: Sequence[Values], candidate: Sequence[Values], q: Fraction, count: int, error: float
) -> Interval | None:
    sides = [_batch_quantiles(side, q, count) for side in (base, candidate)]
    one, other = sides
    if one is None or other is None:
        return None
    rank = _rank(_rank_sum(count, count), error)
    differences = [_log_ratio(first, second) for first in one for second in other]
    return None if rank is None else _interval(np.array(differences), rank, count)


def _batch_quantiles(blocks: Sequence[Values], q: Fraction, count: int) -> list[float] | None:
    if len(blocks) < count:
        return None
    edges = np.linspace(0, len(blocks), count + 1).round().astype(int)
    batches = [np.concatenate(blocks[start:end]) for start, end in pairwise(edges.tolist())]
    if min(batch.size for batch in batches) < _fewest_values(q):
        return None
    return [_quantile(batch, q) for batch in batches]


def _quantile(values: Values, q: Fraction) -> float:
    """Return the nearest-rank quantile: the value of rank ceil(q n)."""
    place = -(-q.numerator * values.size // q.denominator) - 1
    return float(np.partition(values, place)[place])


def _log_ratio(base: float, candidate: float) -> float:
    if base == candidate:  # both infinite, too: neither side answered
        return 0.0
    if base == inf or candidate <= 0:
        return -_BEYOND_MEASURE
    return _BEYOND_MEASURE if candidate == inf or base <= 0 else log(candidate / base)


def _interval(logs: Values, rank: int, blocks: int) -> Interval:
    """Return the median and the values of this rank from either end, as ratios."""
    ordered = np.sort(logs)
    return Interval(float(np.exp(np.median(ordered))), _ratio(ordered[rank]), _ratio(ordered[-1 - rank]), blocks)


def _ratio(value: float) -> float:
    if value >= _BEYOND_MEASURE:
        return inf
    return 0.0 if value <= -_BEYOND_MEASURE else exp(value)


def _rank(chances: Values, error: float) -> int | None:
    """Return the rank, from 0, of the values that bound the interval; None when even the outermost do not suffice.

    `chances` are those of the test's statistic, 0 first. A bound of rank r is beyond the truth when the statistic is at
    most r.
    """
    below = np.cumsum(chances) <= error / 2
    return int(np.count_nonzero(below)) - 1 if below.size and below[0] else None


@lru_cache(maxsize=256)
def _signed_rank(count: int) -> Values:
    """Return the chances of the signed-rank statistic: each of the ranks 1 to `count` counts with chance one half."""
    chances = np.ones(1)
    for rank in range(1, count + 1):
        longer = np.zeros(chances.size + rank)
        longer[: chances.size] += chances / 2
        longer[rank:] += chances / 2
        chances = longer
    return chances


@lru_cache(maxsize=64)
def _rank_sum(base: int, candidate: int) -> Values:
    """Return the chances of the Mann-Whitney statistic, from its generating function (a Gaussian binomial)."""
    ways = [1] + [0] * (base * candidate)
    for step in range(1, base + 1):
        for at in range(len(ways) - 1, candidate + step - 1, -1):
            ways[at] -= ways[at - candidate - step]
        for at in range(step, len(ways)):
            ways[at] += ways[at - step]
    return np.array(ways, dtype=np.float64) / sum(ways)
