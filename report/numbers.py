"""How does a figure stand in JSON? Exactly, as a fraction, and as the nearest double; never as NaN or infinity."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any


def share(value: Fraction | None) -> dict[str, Any] | None:
    """Return a share as the text of its exact fraction and as a float."""
    return None if value is None else {"exact": str(value), "value": float(value)}


def finite(value: float | None) -> float | None:
    """Return the float, or None for what JSON cannot say."""
    return None if value is None or not math.isfinite(value) else float(value)


def budget_used(bad: int, total: int, allowed: Fraction) -> Fraction | None:
    """Return bad requests over allowed ones: 1 is the whole error budget of these requests; None without any."""
    return Fraction(bad) / (total * allowed) if total and allowed else None
