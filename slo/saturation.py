"""Whether the target was in a steady state, or its work in flight or response time was still climbing."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Saturation", "saturation", "slope_with_interval"]

# Neighbouring blocks resemble each other; means over this many stretches of the phase do so much less, and a slope
# through fewer points than the least has no interval worth the name.
_STRETCHES = 20
_FEWEST_STRETCHES = 8
_CONFIDENCE = 0.99
# A climb that adds less than this share of the median over the whole phase is a trend, but no queue.
_SMALLEST_RISE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Saturation:
    """A slope in units per second with its two-sided 99 % interval, after Theil (1950) and Sen (1968).

    `saturated` is None when the phase was too short to tell.
    """

    saturated: bool | None
    slope_per_s: float | None
    lower: float | None
    upper: float | None
    sentence: str


def saturation(values: ArrayLike, *, block_s: float, quantity: str, unit: str) -> Saturation:
    """Test a series of block means of the steady phase for a climb.

    Args:
        values: one mean per block in the order of time; NaN where the block had no request.
        block_s: length of a block in seconds.
        quantity: what was measured, such as "work in flight".
        unit: of the values, such as "requests".
    """
    data = np.asarray(values, dtype=np.float64)
    stretches = [part[~np.isnan(part)] for part in np.array_split(data, min(_STRETCHES, max(1, data.size)))]
    known = [number for number, part in enumerate(stretches) if part.size]
    if len(known) < _FEWEST_STRETCHES:
        return Saturation(None, None, None, None, f"too few blocks to tell whether {quantity} was still climbing")
    stretch_s = data.size * block_s / len(stretches)
    means = np.array([stretches[number].mean() for number in known])
    slope, lower, upper = slope_with_interval(means, np.array(known) * stretch_s, confidence=_CONFIDENCE)
    rise = slope * data.size * block_s
    climbs = lower > 0 and rise > _SMALLEST_RISE_SHARE * float(np.median(means))
    interval = f"{slope:.3g} {unit} per second (99 % interval {lower:.3g} to {upper:.3g})"
    sentence = (
        f"saturated: not in a steady state, {quantity} climbed by {interval}"
        if climbs
        else f"in a steady state: {quantity} changed by {interval}"
    )
    return Saturation(climbs, slope, lower, upper, sentence)


def slope_with_interval(
    values: NDArray[np.floating], times: NDArray[np.floating], *, confidence: float
) -> tuple[float, float, float]:
    """Return the median of the slopes of all pairs, and its two-sided interval after Sen.

    `times` are distinct and in their order. Written here, as SciPy's costs every command two seconds of its start;
    the tests hold it against that one.
    """
    count = len(values)
    first, second = np.triu_indices(count, 1)
    slopes = np.sort((values[second] - values[first]) / (times[second] - times[first]))
    ties = np.unique(values, return_counts=True)[1].astype(np.float64)
    # The variance of Kendall's S, with its correction for ties (Sen 1968, equation 2.6).
    variance = (count * (count - 1) * (2 * count + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * sqrt(variance)
    low = max(round((len(slopes) - reach) / 2) - 1, 0)
    high = min(round((len(slopes) + reach) / 2), len(slopes) - 1)
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])
