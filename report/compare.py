"""In what does a candidate differ from a base? Two run folders beside each other, objective by objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from loadgen.run_folder import RunFolder
from loadgen.samples import UNSENT, Outcome
from loadgen.turns import Turns
from report.judge import JudgedObjective, JudgedRun, judge, matching, measured_s
from report.numbers import finite
from report.words import percent
from slo.comparison import (
    Difference,
    longer_by,
    pair_deviation,
    pairs_needed,
    ratio_in_turns,
    ratio_of_runs,
    share_difference,
    verdict_of,
)
from slo.objective import Catalogue, Kind, Measure, Objective, Phase
from slo.operations import LETTA_API
from slo.share import ShareJudgement
from slo.verdict import Verdict, combine

SHARE = "bad share"
_NS = 1e9
# A p99 needs five times the requests of a p95: it can fail a comparison, but need not be shown to be the same.
_PERCENTILES = {"p50": Fraction(50, 100), "p95": Fraction(95, 100), "p99": Fraction(99, 100)}
_NEED_NOT_BE_SHOWN = {"p99"}
# What a plan assumes of times that nobody has seen yet: lognormal as the stub's are, on a machine that disturbs one
# slice and not its neighbour by a tenth.
_ASSUMED_SHAPE = 0.4
_ASSUMED_NOISE = 0.1
_APART = (
    "the runs were apart from each other: a machine, network or neighbour that changed between them cannot be told "
    "from a target that changed; drive both in turns to tell (--base-url and --candidate-url)"
)

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one objective on both sides; a share of bad requests, or a percentile in seconds.

    A side is None where it has no request, and infinite where the percentile is an answer that never came.
    `longer_by` is how many times as long a comparison had to be to decide, where that can be said. A figure that need
    not be shown decides about the comparison only where it is missed.
    """

    objective: Objective
    name: str
    base: float | None
    candidate: float | None
    difference: Difference
    verdict: Verdict
    must_be_shown: bool
    longer_by: float | None

    @property
    def decides(self) -> bool:
        """Whether the verdict of the comparison depends on this figure."""
        return self.must_be_shown or self.verdict is Verdict.MISSED

    @property
    def is_share(self) -> bool:
        """Whether the sides are shares and their difference is one in points; else times, and a ratio."""
        return self.name == SHARE


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that is said about a candidate beside its base.

    `confidence` is that all intervals hold at once; each alone holds with 1 - `error`. `tolerance` is the share by
    which a percentile may be worse.
    """

    base: JudgedRun
    candidate: JudgedRun
    verdict: Verdict
    figures: tuple[Figure, ...]
    not_compared: tuple[tuple[str, str], ...]
    in_turns: bool
    tolerance: float
    confidence: float
    error: float
    cautions: tuple[str, ...]

    @property
    def is_stub(self) -> bool:
        """Whether any target was a test double."""
        return self.base.is_stub or self.candidate.is_stub


def compare(
    base: RunFolder, candidate: RunFolder, catalogue: Catalogue, *, tolerance: float = 0.1, confidence: float = 0.95
) -> Comparison:
    """Compare every objective that both runs were about; nothing is read but the folders.

    The error that `confidence` leaves is divided evenly among all intervals (Bonferroni), so that all of them hold at
    once. A share may be worse by the whole error budget of its objective, a percentile by `tolerance`.
    """
    first, second = judge(base, catalogue), judge(candidate, catalogue)
    names = [one.objective.name for one in first.objectives if _why_not(one.objective, second) is None]
    error = error_of_each([catalogue.objective(name) for name in names], confidence)
    bounded = [judge(folder, catalogue, confidence=1 - error / 2) for folder in (base, candidate)]
    in_turns = took_turns(base, candidate)
    is_invalid = bool(first.invalid or second.invalid)
    compared = tuple(
        figure
        for one, other in zip(*(_named(run, names) for run in bounded), strict=True)
        for figure in _figures(bounded, (one, other), in_turns, tolerance, error)
    )
    return Comparison(
        base=first,
        candidate=second,
        verdict=Verdict.INVALID_RUN if is_invalid else combine(figure.verdict for figure in compared if figure.decides),
        figures=compared,
        not_compared=tuple(_not_compared(first, second)),
        in_turns=in_turns,
        tolerance=tolerance,
        confidence=confidence,
        error=error,
        cautions=tuple(_cautions(first, second, in_turns=in_turns)),
    )


def error_of_each(objectives: Sequence[Objective], confidence: float = 0.95) -> float:
    """Return how often one interval may miss the truth where the intervals of all these objectives hold at once."""
    figures = sum(1 if _is_untimed(objective) else 1 + len(_PERCENTILES) for objective in objectives)
    return (1 - confidence) / max(1, figures)


def shortfalls(catalogue: Catalogue, rates: Mapping[str, float], turns: Turns, *, tolerance: float) -> Iterator[str]:
    """Say what turns of these rates are probably too short for, before anything is sent to the two Letta servers.

    `rates` are requests a second of each operation while it is a target's turn.
    """
    steady = [one for one in catalogue.objectives if one.kind is Kind.SHARE and Phase.STEADY in one.samples.phases]
    sent = [one for one in steady if one.service == LETTA_API]
    error = error_of_each(sent)
    for objective in sent:
        requests = turns.slice_s * sum(rates.get(name, 0.0) for name in sorted(objective.samples.operations))
        for name, q in _PERCENTILES.items():
            if _is_untimed(objective) or not requests or name in _NEED_NOT_BE_SHOWN:
                continue
            deviation = pair_deviation(q, requests, shape=_ASSUMED_SHAPE, noise=_ASSUMED_NOISE)
            needed = pairs_needed(deviation, tolerance=tolerance, error=error)
            if needed > turns.pairs:
                yield (
                    f"{name} of {objective.name} will probably be inconclusive: about {needed:,} pairs decide about "
                    f"{percent(tolerance)}, {turns.pairs:,} are asked for (--pairs)"
                )


def took_turns(base: RunFolder, candidate: RunFolder) -> bool:
    """Whether both runs were driven in turns with each other."""
    one, other = base.plan, candidate.plan
    return (
        one.origin_unix_ns is not None
        and one.origin_unix_ns == other.origin_unix_ns
        and len(one.windows_s) == len(other.windows_s) > 0
        and one.windows_s != other.windows_s
    )


def differences_of_load(base: RunFolder, candidate: RunFolder) -> tuple[str, ...]:
    """Return in what the load of two runs differs: then it is no comparison of their targets."""
    one, other = base.plan, candidate.plan
    asked = {
        "requests a second": (one.rates, other.rates),
        "turns of a session and think time": (one.sessions, other.sessions),
        "arrivals": (one.arrivals, other.arrivals),
        "size of messages": (one.user_tokens, other.user_tokens),
        "number of agents": (len(one.agents), len(other.agents)),
    }
    return tuple(f"{name}: {first} and {second}" for name, (first, second) in asked.items() if first != second)


def _why_not(objective: Objective, other: JudgedRun) -> str | None:
    if objective.kind is Kind.INVARIANT:
        return "a rule that no request may break is judged by itself"
    if objective.name not in {one.objective.name for one in other.objectives}:
        return "only one of the runs was about it"
    return None


def _not_compared(first: JudgedRun, second: JudgedRun) -> Iterator[tuple[str, str]]:
    for run, other in ((first, second), (second, first)):
        for one in run.objectives:
            why = _why_not(one.objective, other)
            if why is not None and (run is first or one.objective.kind is not Kind.INVARIANT):
                yield one.objective.name, why


def _named(run: JudgedRun, names: Sequence[str]) -> list[JudgedObjective]:
    by_name = {one.objective.name: one for one in run.objectives}
    return [by_name[name] for name in names]


def _is_untimed(objective: Objective) -> bool:
    return objective.samples.measure is Measure.NONE


def _figures(
    runs: Sequence[JudgedRun], judged: Sequence[JudgedObjective], in_turns: bool, tolerance: float, error: float
) -> Iterator[Figure]:
    objective = judged[0].objective
    first, second = (one.judgement for one in judged)
    if not (isinstance(first, ShareJudgement) and isinstance(second, ShareJudgement)):
        raise TypeError(f"{objective.name} is no share")
    is_empty = Verdict.NO_DATA in {first.verdict, second.verdict}
    overruled = Verdict.NO_DATA if is_empty else None
    if any(run.invalid for run in runs):
        overruled = Verdict.INVALID_RUN

    def figure(name: str, sides: tuple[float | None, float | None], difference: Difference) -> Figure:
        found = difference.interval
        longer = None if found is None or name == SHARE else longer_by(found, tolerance=tolerance, error=error)
        return Figure(
            objective=objective,
            name=name,
            base=sides[0],
            candidate=sides[1],
            difference=difference,
            verdict=overruled or verdict_of(difference.finding),
            must_be_shown=name not in _NEED_NOT_BE_SHOWN,
            longer_by=finite(longer),
        )

    share = Difference(share_difference(first, second), 0.0, float(objective.allowed_bad_share))
    yield figure(SHARE, (first.bad_share, second.bad_share), share)
    if _is_untimed(objective):
        return
    times, other_times = (_blocks(run.folder, objective, in_turns=in_turns) for run in runs)
    ratio = ratio_in_turns if in_turns else ratio_of_runs
    for name, q in _PERCENTILES.items():
        percentile = int(q * 100)
        base, candidate = (
            one.percentiles[percentile].value if percentile in one.percentiles else None for one in judged
        )
        interval = ratio(times, other_times, q, error=error)
        yield figure(name, (base, candidate), Difference(interval, 1.0, 1 + tolerance))


def _blocks(folder: RunFolder, objective: Objective, *, in_turns: bool) -> list[Values]:
    """Return what the objective measures, an array for each slice in turns, for each second elsewhere."""
    samples = matching(folder, objective)
    samples = samples[~np.isin(samples["outcome"], UNSENT)]
    # An error has no response time: counted with its own, a target that fails at once would look fast.
    values = np.where(samples["outcome"] == Outcome.OK, measured_s(samples, objective.samples.measure), np.inf)
    due_s = samples["intended_ns"] / _NS
    return [values[(due_s >= start) & (due_s < end)] for start, end in _bounds_s(folder, objective, in_turns=in_turns)]


def _bounds_s(folder: RunFolder, objective: Objective, *, in_turns: bool) -> Iterator[tuple[float, float]]:
    phases = [bounds for name, bounds in folder.plan.phases.bounds_s.items() if name in objective.samples.phases]
    for start, end in phases:
        if in_turns:
            yield from ((begin, stop) for begin, stop in folder.plan.windows_s if start <= begin and stop <= end)
        else:
            yield from pairwise(np.append(np.arange(start, end, 1.0), end).tolist())


def _cautions(first: JudgedRun, second: JudgedRun, *, in_turns: bool) -> Iterator[str]:
    if not in_turns:
        yield _APART
    manifests = [run.folder.manifest for run in (first, second)]
    machines = [{key: one.get("machine", {}).get(key) for key in ("cpu", "cpus", "kernel")} for one in manifests]
    if machines[0] != machines[1]:
        yield "the runs were driven from machines that differ: " + " and ".join(
            f"{one['cpus']} x {one['cpu']}, kernel {one['kernel']}" for one in machines
        )
    if any(one.get("live") for one in manifests):
        yield "a live run follows no plan, so nothing shows that both sides had the same load"
    versions = [str(one.get("suite_version")) for one in manifests]
    if versions[0] != versions[1]:
        yield f"the runs were driven by different versions of the suite, {' and '.join(versions)}"
    for name, run in (("base", first), ("candidate", second)):
        if run.saturation is not None and run.saturation.saturated:
            yield f"the {name} is {run.saturation.sentence}"
