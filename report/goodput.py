"""How many requests met every limit that applies to them? Per second, and of those that the schedule intended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loadgen.run_folder import RunFolder
from loadgen.samples import OPERATIONS, UNSENT
from report.judge import is_good
from report.select import due_in, pick, steady_s
from slo.objective import Kind, Objective, Phase

EVERY = "all"


@dataclass(frozen=True, slots=True)
class Goodput:
    """Requests of one operation (or of all) due in the steady state.

    `met_all` were sent, ended without an error and met the limit of every objective named; `intended` counts also what
    was never sent.
    """

    operation: str
    objectives: tuple[str, ...]
    intended: int
    met_all: int
    per_s: float

    @property
    def of_intended(self) -> float:
        """The share of the intended requests that met all their limits."""
        return self.met_all / self.intended


def goodput(folder: RunFolder, objectives: Sequence[Objective]) -> tuple[Goodput, ...]:
    """Count for each operation that an objective of the steady state is about, and last for all of them together."""
    steady, lasted_s = due_in(folder, {Phase.STEADY}), steady_s(folder)
    limits = [one for one in objectives if one.kind is Kind.SHARE and Phase.STEADY in one.samples.phases]
    rows = []
    for code, operation in enumerate(OPERATIONS):
        own = [one for one in limits if operation in one.samples.operations]
        samples = pick(steady, steady["operation"] == code)
        if own and len(samples):
            rows.append(_count(operation, own, samples, lasted_s))
    if len(rows) < 2:
        return tuple(rows)
    intended, met_all = sum(row.intended for row in rows), sum(row.met_all for row in rows)
    return (*rows, Goodput(EVERY, (), intended, met_all, met_all / lasted_s))


def _count(operation: str, own: list[Objective], samples: NDArray[np.void], lasted_s: float) -> Goodput:
    met = ~np.isin(samples["outcome"], UNSENT)
    for one in own:
        met &= is_good(samples, one)
    met_all = int(np.count_nonzero(met))
    return Goodput(operation, tuple(one.name for one in own), len(samples), met_all, met_all / lasted_s)
