"""Whether the work that a target has not done yet grew while requests came at one rate: it did not keep up, then."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slo.saturation import saturation

__all__ = ["DOUBTFUL_SHARE", "GROWING_SHARE", "Backlog", "Growth", "backlog", "in_flight_at"]

# Of what arrived, how much may be left over. Below the first share it is what a queue near its limit does by chance;
# above the second a target does not keep up. Between them a longer step has to tell. Ours, from simulated queues of
# known capacity: docs/how-to/find-the-capacity.md has the figures.
DOUBTFUL_SHARE = 0.01
GROWING_SHARE = 0.02


class Growth(StrEnum):
    """What the slope of the backlog says."""

    NONE = "none"
    DOUBTFUL = "doubtful"
    GROWING = "growing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Backlog:
    """The slope of the work in flight in requests per second, with its two-sided 99 % interval (Theil and Sen).

    `share` is the slope over the rate of arrivals: the part of what arrived that was left over. All three are None
    where the step was too short to tell.
    """

    growth: Growth
    slope_per_s: float | None
    lower: float | None
    upper: float | None
    share: float | None
    sentence: str


def backlog(in_flight: ArrayLike, *, block_s: float, arrivals_per_s: float) -> Backlog:
    """Judge the work in flight of a steady phase, one value for each block of time in order.

    Growth needs both: a slope that chance does not explain, and one that matters against the arrivals. The first alone
    would take the slow swings of a queue near its limit for growth, the second alone the noise of a few requests.
    """
    seen = saturation(in_flight, block_s=block_s, quantity="the backlog", unit="requests")
    if seen.slope_per_s is None or seen.lower is None or not arrivals_per_s > 0:
        return Backlog(Growth.UNKNOWN, None, None, None, None, seen.sentence)
    share = seen.slope_per_s / arrivals_per_s
    growth = Growth.NONE
    if seen.lower > 0 and share > DOUBTFUL_SHARE:
        growth = Growth.GROWING if share > GROWING_SHARE else Growth.DOUBTFUL
    words = f"{seen.slope_per_s:.3g} requests per second (99 % interval {seen.lower:.3g} to {seen.upper:.3g})"
    sentence = {
        Growth.NONE: f"the backlog changed by {words}",
        Growth.DOUBTFUL: f"the backlog grew by {words}, {share * 100:.1f} % of what arrived: too little to be sure",
        Growth.GROWING: f"the backlog grew by {words}: {share * 100:.1f} % of what arrived was left over",
    }[growth]
    return Backlog(growth, seen.slope_per_s, seen.lower, seen.upper, share, sentence)


def in_flight_at(arrived_s: ArrayLike, ended_s: ArrayLike, at_s: ArrayLike) -> NDArray[np.float64]:
    """Return how many requests had arrived and not ended at each moment; all in seconds from one origin."""
    moments = np.asarray(at_s, dtype=np.float64)
    came = np.searchsorted(np.sort(np.asarray(arrived_s, dtype=np.float64)), moments, side="right")
    went = np.searchsorted(np.sort(np.asarray(ended_s, dtype=np.float64)), moments, side="right")
    return np.asarray(came - went, dtype=np.float64)
