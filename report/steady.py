"""What belongs to the steady state of a run? Requests due in it, and for how long it really sent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loadgen.run_folder import RunFolder

_NS = 1_000_000_000


def steady_samples(folder: RunFolder) -> NDArray[np.void]:
    """Return the requests due in the steady state, sent or not, as a view: samples stand in the order of their due."""
    start_s, end_s = _bounds_s(folder)
    due_ns = folder.samples["intended_ns"]
    first, last = np.searchsorted(due_ns, (round(start_s * _NS), round(end_s * _NS)))
    due: NDArray[np.void] = folder.samples[first:last]
    return due


def steady_s(folder: RunFolder) -> float:
    """Return how many seconds of the steady state the run sent in: one that takes turns with another sends in part."""
    start_s, end_s = _bounds_s(folder)
    windows_s = folder.plan.windows_s or ((start_s, end_s),)
    return float(sum(max(0.0, min(end, end_s) - max(start, start_s)) for start, end in windows_s))


def _bounds_s(folder: RunFolder) -> tuple[float, float]:
    return folder.plan.phases.bounds_s.get("steady", (0.0, 0.0))
