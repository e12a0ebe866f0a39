"""Between which values may a panel's numbers lie, by its unit and by its own scale?"""

from __future__ import annotations

import math
from typing import Final

from alerts import names
from dashboards.proof.board import Panel, Target

_TIMES: Final = frozenset("s ms µs ns m h d dtdurations dtdhms clocks".split())
_NEVER_NEGATIVE: Final = _TIMES | frozenset("bytes decbytes Bps binBps reqps ops cps rps wps iops pps mps eps".split())
_TOLERANCE: Final = 0.001  # scrapes of two counters are never of one moment, and rate() extrapolates both
_CLOCK_S: Final = 1.0  # between two machines, or two readings of one
# An error budget that is spent is overdrawn.
_MAY_BE_NEGATIVE: Final = (names.BUDGET_LEFT,)


def bounds(panel: Panel, target: Target) -> tuple[float, float]:
    """Return the lowest and the highest value that the panel can mean; infinite where there is none.

    A panel whose own scale reaches further means that.
    """
    low, high = -math.inf, math.inf
    if target.unit in _NEVER_NEGATIVE:
        low = -_CLOCK_S if target.unit == "s" else 0.0
    elif target.unit in ("percentunit", "percent"):
        whole = 1.0 if target.unit == "percentunit" else 100.0
        low, high = -_TOLERANCE * whole, whole * (1 + _TOLERANCE)
    if any(name in target.expr for name in _MAY_BE_NEGATIVE):
        low = -math.inf
    own_low = low if panel.low is None else panel.low
    own_high = high if panel.high is None else panel.high
    return min(low, own_low), max(high, own_high)
