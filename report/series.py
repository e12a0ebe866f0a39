"""How did a run go over time, and how are its times distributed? Figures for charts, in at most a few hundred steps."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from loadgen import schedule
from loadgen.run_folder import RunFolder
from loadgen.samples import BRIDGE_OPERATIONS, OPERATIONS, SOURCES, UNSENT, Outcome
from report.judge import is_good, matching, measured_s
from report.select import pick, sent
from slo.objective import Objective

_NS = 1e9
_MOST_STEPS = 240
_CURVE_POINTS = 200

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Equal steps of time over a whole run; a run longer than a few minutes has steps of several seconds."""

    width_s: float
    edges_s: Floats

    @property
    def middles_s(self) -> Floats:
        """The middle of each step."""
        return (self.edges_s[:-1] + self.edges_s[1:]) / 2

    def count(self, times_s: Floats) -> Counts:
        """Count events in each step."""
        return np.asarray(np.histogram(times_s, self.edges_s)[0], np.int64)

    def quantile(self, times_s: Floats, values: Floats, q: float) -> Floats:
        """Return a quantile of the values in each step, NaN where there are none."""
        step = np.clip(np.searchsorted(self.edges_s, times_s, "right") - 1, 0, len(self.edges_s) - 2)
        order = np.argsort(step, kind="stable")
        groups = np.split(values[order], np.searchsorted(step[order], np.arange(1, len(self.edges_s) - 1)))
        return np.array([np.quantile(group, q) if len(group) else np.nan for group in groups])


@dataclass(frozen=True, slots=True, eq=False)
class OverTime:
    """What an objective measures, for requests due in each step: times in seconds of good answers, and counts."""

    steps: Steps
    p50_s: Floats
    p95_s: Floats
    highest_s: Floats
    total: Counts
    bad: Counts


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """Share of requests that took at least `value_s`; a request that failed took longer than anything."""

    value_s: Floats
    share_at_least: Floats
    failed_share: float
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Sessions and single requests a second, as the schedule has them and as they left, and how late."""

    steps: Steps
    intended_per_s: Floats
    reached_per_s: Floats
    lag_p99_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Busy:
    """Load of the machine each second: shares of a core (busiest worker) and of all cores."""

    seconds: Floats
    generator: Floats
    machine: Floats
    steal: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Replies:
    """Replies of the bridge a second, by who answered and why, counted at the time of the reply."""

    edges_s: Floats
    by_letta: Counts
    by_fallback: Counts
    by_routing: Counts
    failed: Counts


def steps_of(folder: RunFolder) -> Steps:
    """Cut a run into at most a few hundred steps of whole seconds."""
    duration_s = folder.plan.phases.duration_s
    if folder.manifest.get("live") and len(folder.samples):
        duration_s = float(folder.samples["intended_ns"].max() / _NS)
    width_s = float(max(1, ceil(duration_s / _MOST_STEPS)))
    return Steps(width_s, np.arange(0.0, ceil(max(duration_s, 1.0) / width_s) + 1) * width_s)


def over_time(folder: RunFolder, objective: Objective, steps: Steps) -> OverTime:
    """Follow an objective's operations through the whole run, warm-up and faults included."""
    codes = [OPERATIONS.index(name) for name in sorted(objective.samples.operations)]
    samples = sent(pick(folder.samples, np.isin(folder.samples["operation"], codes)))
    due_s = samples["intended_ns"] / _NS
    values = measured_s(samples, objective.samples.measure)
    answered = (samples["outcome"] == Outcome.OK) & np.isfinite(values)
    good = is_good(samples, objective)
    p50, p95, highest = (steps.quantile(due_s[answered], values[answered], q) for q in (0.5, 0.95, 1.0))
    return OverTime(steps, p50, p95, highest, steps.count(due_s), steps.count(due_s[~good]))


def distribution(folder: RunFolder, objective: Objective) -> Distribution | None:
    """Return how many of the judged requests took how long; None when no time was measured."""
    samples = sent(matching(folder, objective))
    values = measured_s(samples, objective.samples.measure)
    limit_s = float(objective.samples.limit_s or np.inf)
    values = np.where(
        is_good(samples, objective) | ((samples["outcome"] == Outcome.OK) & (values >= limit_s)), values, np.inf
    )
    finite = np.sort(values[np.isfinite(values) & (values > 0)])
    if len(finite) < 2 or finite[0] == finite[-1]:
        return None
    grid = np.geomspace(finite[0], finite[-1], _CURVE_POINTS)
    grid[0], grid[-1] = finite[0], finite[-1]
    failed = len(values) - len(finite)
    at_least = (len(finite) - np.searchsorted(finite, grid, "left") + failed) / len(values)
    return Distribution(grid, at_least, failed / len(values), len(values))


def arrivals(folder: RunFolder, steps: Steps) -> Arrivals:
    """Compare when arrivals were meant with when they left; a live run meant what it did."""
    samples = folder.samples
    is_first, is_sent = samples["turn"] == 0, ~np.isin(samples["outcome"], UNSENT)
    is_live = bool(folder.manifest.get("live"))
    intended_ns = samples["intended_ns"][is_first] if is_live else schedule.of_plan(folder.plan).offset_ns
    left_ns = samples["start_ns"][is_first & (samples["outcome"] != Outcome.DROPPED)]
    lag_s = (samples["start_ns"] - samples["intended_ns"])[is_sent] / _NS
    return Arrivals(
        steps,
        steps.count(intended_ns / _NS) / steps.width_s,
        steps.count(left_ns / _NS) / steps.width_s,
        steps.quantile(samples["intended_ns"][is_sent] / _NS, lag_s, 0.99),
    )


def busy(folder: RunFolder) -> Busy | None:
    """Return the load of the machine over time; None when nobody looked."""
    if not folder.machine:
        return None
    offsets = np.array([float(row["offset_s"]) for row in folder.machine])
    seconds, index = np.unique(offsets, return_inverse=True)

    def highest(key: str) -> Floats:
        values = np.zeros(len(seconds))
        np.maximum.at(values, index, [float(row.get(key) or 0.0) for row in folder.machine])
        return values

    return Busy(seconds, highest("generator_cpu"), highest("machine_cpu"), highest("steal"))


def replies(folder: RunFolder, from_s: float, to_s: float) -> Replies:
    """Count the bridge's replies a second between two times of the run."""
    samples = folder.samples
    codes = [OPERATIONS.index(name) for name in sorted(BRIDGE_OPERATIONS)]
    bridge = sent(pick(samples, np.isin(samples["operation"], codes)))
    edges = np.arange(np.floor(max(0.0, from_s)), np.ceil(to_s) + 1)
    ok = bridge["outcome"] == Outcome.OK
    by_memory = ok & (bridge["source"] == SOURCES.index("memory-python"))
    is_temporary = bridge["operation"] == OPERATIONS.index("bridge-temporary")

    def count(which: NDArray[np.bool_]) -> Counts:
        return np.asarray(np.histogram(bridge["end_ns"][which] / _NS, edges)[0], np.int64)

    return Replies(
        edges,
        by_letta=count(ok & ~by_memory),
        by_fallback=count(by_memory & ~is_temporary),
        by_routing=count(by_memory & is_temporary),
        failed=count(~ok),
    )
