"""What did one tool report of one run, and what did the target and the process clock say?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bench.cpu import CpuTrace
from bench.figures import PERCENTILES, Floats, percentiles
from bench.target import Truth

# The first second brings new connections and, in a closed model, all users at once; the last half may be cut short.
_SETTLED_S = 1.0
_ENDING_S = 0.5


@dataclass(frozen=True, slots=True)
class Stall:
    """The target stands still for `for_s`, beginning `at_s` after the first arrival."""

    at_s: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one tool; `rounded_ms` are percentiles as the tool prints them, where they differ from the exact.

    `bad` counts all that was not good, `dropped` the part of it that the tool never sent.
    """

    reported_ms: Floats
    truth: Truth
    cpu_us: float
    bad: int
    lag_ms: Floats | None = None
    rounded_ms: dict[int, float] = field(default_factory=dict)
    dropped: int = 0
    memory_mib: float = 0.0

    @property
    def percentiles(self) -> tuple[float, ...]:
        """What its user reads as p50, p95 and p99; NaN for what it does not print."""
        if len(self.reported_ms):
            return percentiles(self.reported_ms)
        return tuple(self.rounded_ms.get(percentile, float("nan")) for percentile in PERCENTILES)


def cpu_us_per_request(trace: CpuTrace, truth: Truth) -> float:
    """Return CPU time for each request answered in the settled part of a run, so without start-up and end.

    NaN where nothing was answered in it.
    """
    if not len(truth.arrival_ns):
        return math.nan
    from_ns = int(truth.arrival_ns.min()) + int(_SETTLED_S * 1e9)
    to_ns = int(truth.arrival_ns.max()) - int(_ENDING_S * 1e9)
    answered = truth.answered(from_ns, to_ns)
    return trace.used_s(from_ns, to_ns) / answered * 1e6 if answered else math.nan
