"""Which requests does a figure look at? Without a copy where that can be: an hour at 2,000 a second is 370 MiB."""

from __future__ import annotations

from collections.abc import Collection
from math import ceil

import numpy as np
from numpy.typing import NDArray

from loadgen.run_folder import RunFolder
from loadgen.samples import UNSENT
from slo.objective import Phase

_NS = 1_000_000_000

Samples = NDArray[np.void]


def due_in(folder: RunFolder, phases: Collection[str]) -> Samples:
    """Return the requests due in some phases of the run, sent or not; a view where it is one phase that the run had."""
    due_ns = folder.samples["intended_ns"]  # samples stand in the order in which they were due
    found = [
        folder.samples[slice(*np.searchsorted(due_ns, (ceil(start * _NS), ceil(end * _NS))))]
        for phase, (start, end) in folder.plan.phases.bounds_s.items()
        if phase in phases
    ]
    return found[0] if len(found) == 1 else np.concatenate([folder.samples[:0], *found])


def steady_s(folder: RunFolder) -> float:
    """Return how many seconds of the steady state the run sent in: one that takes turns with another sends in part."""
    steady = folder.plan.phases.bounds_s.get(Phase.STEADY.value, (0.0, 0.0))
    windows_s = folder.plan.windows_s or (steady,)
    return float(sum(max(0.0, min(end, steady[1]) - max(start, steady[0])) for start, end in windows_s))


def sent(samples: Samples) -> Samples:
    """Return those that were sent."""
    return pick(samples, ~np.isin(samples["outcome"], UNSENT))


def pick(samples: Samples, wanted: NDArray[np.bool_]) -> Samples:
    """Return those that are wanted; the samples themselves where all are."""
    picked: Samples = samples if wanted.all() else samples[wanted]
    return picked
