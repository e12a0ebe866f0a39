"""How many requests a run needs so that its verdict will probably be a decision."""

from fractions import Fraction
from functools import lru_cache
from math import ceil

import numpy as np
from scipy.special import bdtr

from slo.binomial import samples_to_meet

__all__ = ["FEWEST_SECONDS", "POWER", "planned_samples", "samples_for_power"]

# A target whose bad share is half the allowed one is said to be `met` in at least this share of runs.
POWER = 0.9
_TRUE_SHARE = Fraction(1, 2)

# Fewer blocks of one second than this leave bursts unmeasured.
FEWEST_SECONDS = 30.0

# The dispersion of independent failures is measured as 1 plus noise, of which the largest window is taken.
# 4/sqrt(blocks) covers it: simulated over 30 to 3,600 blocks, see docs/explanation/verdicts.md.
_NOISE = 4.0


@lru_cache(maxsize=64)
def samples_for_power(allowed_bad: Fraction, confidence: float = 0.95, power: float = POWER) -> int:
    """Return the fewest independent requests that show `met` with the given power at half the allowed bad share.

    From this number on the power never falls below again, although it is a sawtooth in the number of requests.
    """
    true_share = float(allowed_bad * _TRUE_SHARE)
    bad = 0
    here = samples_to_meet(allowed_bad, 0, confidence=confidence)
    while True:
        after = samples_to_meet(allowed_bad, bad + 1, confidence=confidence)
        # The power falls from `here` until one more failure is tolerated; the last number before that is the worst.
        if bdtr(bad, after - 1, true_share) >= power:
            return here
        bad, here = bad + 1, after


def planned_samples(allowed_bad: Fraction, rate_per_s: float, *, confidence: float = 0.95) -> int:
    """Return the requests to plan for at a rate: as `samples_for_power`, with room for the noise of the dispersion.

    Raises:
        ValueError: the rate is not above zero.
    """
    if not rate_per_s > 0:
        raise ValueError(f"rate {rate_per_s} per s must be above zero")
    independent = samples_for_power(allowed_bad, confidence)

    # rate * t = independent * (1 + noise / sqrt(t)) is a cubic in sqrt(t) with one root above zero (Descartes).
    roots = np.roots([rate_per_s, 0.0, -independent, -_NOISE * independent])
    duration_s = float(roots.real[roots.real > 0].max()) ** 2
    return ceil(rate_per_s * max(FEWEST_SECONDS, duration_s))
