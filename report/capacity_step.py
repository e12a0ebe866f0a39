"""What does one step of a search for the capacity say about its rate? The run's verdict, and whether a backlog grew."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from loadgen.run_folder import RunFolder
from loadgen.samples import UNSENT, Outcome
from report.judge import JudgedObjective, JudgedRun, judge, measured_s
from report.words import percent
from slo import search
from slo.backlog import Backlog, Growth, backlog, in_flight_at
from slo.objective import Catalogue, Measure
from slo.percentile import Interval, percentile_interval
from slo.share import ShareJudgement
from slo.validity import SMALLEST_REACHED_SHARE
from slo.verdict import Verdict

_NS = 1e9
_BLOCK_S = 1.0

Samples = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class StepReading:
    """A step and what it showed, all of its steady state.

    `rate` was asked for; `arrived_per_s` is what chance made of it, whether it could be sent or not; `completed_per_s`
    were answered without an error. `p50` and `p95` are of all requests from their intended start, None without any.
    """

    number: int
    rate: float
    is_repeat: bool
    outcome: search.Outcome
    why: str
    run: JudgedRun
    steady_s: float
    arrived_per_s: float
    completed_per_s: float
    unsent: int
    p50: Interval | None
    p95: Interval | None
    backlog: Backlog

    @property
    def name(self) -> str:
        """The name of the step's folder."""
        return self.run.folder.path.name


def read_step(folder: RunFolder, catalogue: Catalogue, *, number: int, rate: float, is_repeat: bool) -> StepReading:
    """Judge the run of a step by the same code as any run, and look for a backlog that grew."""
    run = judge(folder, catalogue)
    start_s, end_s = folder.plan.phases.bounds_s["steady"]
    steady_s = end_s - start_s
    is_unsent = np.isin(folder.samples["outcome"], UNSENT)
    due_s = folder.samples["intended_ns"] / _NS
    is_steady = (due_s >= start_s) & (due_s < end_s)
    sent = folder.samples[~is_unsent]
    ended_s = sent["end_ns"] / _NS
    arrived_per_s = float(np.count_nonzero(is_steady)) / steady_s
    is_good = (sent["outcome"] == Outcome.OK) & (ended_s >= start_s) & (ended_s < end_s)
    middles_s = np.arange(start_s, end_s, _BLOCK_S) + _BLOCK_S / 2
    left_over = backlog(
        in_flight_at(sent["intended_ns"] / _NS, ended_s, middles_s), block_s=_BLOCK_S, arrivals_per_s=arrived_per_s
    )
    unsent = int(np.count_nonzero(is_steady & is_unsent))
    outcome = _outcome(run, left_over, unsent / max(1, int(np.count_nonzero(is_steady))))
    p50, p95 = _times(folder.samples[is_steady & ~is_unsent])
    return StepReading(
        number=number,
        rate=rate,
        is_repeat=is_repeat,
        outcome=outcome,
        why=_why(run, left_over, outcome, unsent),
        run=run,
        steady_s=steady_s,
        arrived_per_s=arrived_per_s,
        completed_per_s=float(np.count_nonzero(is_good)) / steady_s,
        unsent=unsent,
        p50=p50,
        p95=p95,
        backlog=left_over,
    )


def _outcome(run: JudgedRun, left_over: Backlog, unsent_share: float) -> search.Outcome:
    if run.verdict is Verdict.INVALID_RUN:
        return search.Outcome.INVALID
    if run.verdict is Verdict.MISSED or left_over.growth is Growth.GROWING:
        return search.Outcome.NOT_MET
    if run.verdict is Verdict.MET and left_over.growth is Growth.NONE:
        return search.Outcome.MET
    if unsent_share > 1 - SMALLEST_REACHED_SHARE:  # as a run is invalid that reaches fewer, here for want of agents
        return search.Outcome.TOO_FEW_AGENTS
    return search.Outcome.UNDECIDED


def _why(run: JudgedRun, left_over: Backlog, outcome: search.Outcome, unsent: int) -> str:
    """Say in words what the outcome stands on."""
    if outcome is search.Outcome.INVALID:
        return "; ".join([*(reason.sentence for reason in run.invalid), f"likeliest cause: {run.invalid[0].culprit}"])
    said = [_sentence(one) for one in run.objectives if one.verdict is not Verdict.MET]
    if not said:
        said = ["every objective met"]
    said.append(left_over.sentence)
    if unsent and outcome is not search.Outcome.MET:
        said.append(
            f"{unsent:,} arrivals found every agent busy: more agents (--agents) rule out that these were the limit"
        )
    return "; ".join(said)


def _sentence(one: JudgedObjective) -> str:
    judged = one.judgement
    if not isinstance(judged, ShareJudgement) or judged.bad_share is None:
        return f"{one.objective.name} {one.verdict.value}: {judged.assumption}"
    bounds = f"{percent(judged.bad_share)} bad ({percent(judged.lower)} to {percent(judged.upper)})"
    return f"{one.objective.name} {one.verdict.value}: {bounds}, {percent(float(judged.allowed_bad))} allowed"


def _times(samples: Samples) -> tuple[Interval | None, Interval | None]:
    if not len(samples):
        return None, None
    # A request that failed has no response time: it is slower than any that did not.
    values = np.where(samples["outcome"] == Outcome.OK, measured_s(samples, Measure.RESPONSE_TIME), np.inf)
    blocks = samples["intended_ns"] // int(_NS)
    blocks -= blocks.min()
    return (
        percentile_interval(values, Fraction(50, 100), blocks),
        percentile_interval(values, Fraction(95, 100), blocks),
    )
