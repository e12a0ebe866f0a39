"""Whether the target was in a steady state, or its work in flight or response time was still climbing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import theilslopes

__all__ = ["Saturation", "saturation"]

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
    slope, _, lower, upper = (
        float(value) for value in theilslopes(means, np.array(known) * stretch_s, alpha=_CONFIDENCE)
    )
    rise = slope * data.size * block_s
    climbs = lower > 0 and rise > _SMALLEST_RISE_SHARE * float(np.median(means))
    interval = f"{slope:.3g} {unit} per second (99 % interval {lower:.3g} to {upper:.3g})"
    sentence = (
        f"saturated: not in a steady state, {quantity} climbed by {interval}"
        if climbs
        else f"in a steady state: {quantity} changed by {interval}"
    )
    return Saturation(climbs, slope, lower, upper, sentence)
