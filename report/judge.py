"""What does a run folder say about each objective? Counts from samples, verdicts from `slo`; nothing else is read."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from loadgen.run_folder import RunFolder
from loadgen.samples import OPERATIONS, SOURCES, UNSENT, Outcome
from report.facts import run_facts
from report.select import Samples, due_in, pick, sent
from slo.objective import Catalogue, Kind, Measure, Objective, Phase
from slo.percentile import Interval, percentile_interval
from slo.saturation import Saturation, saturation
from slo.share import BlockCounts, InvariantJudgement, ShareJudgement, judge_invariant, judge_share
from slo.validity import Reason, RunFacts, invalid_reasons
from slo.verdict import Verdict, combine

_NS = 1e9
_PERCENTILES = (50, 95, 99)
_CODES = {name: code for code, name in enumerate(OPERATIONS)}

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class JudgedObjective:
    """An objective, what the run says about it, and the percentiles of what it measures.

    `verdict` differs from `judgement.verdict` where the run as a whole is invalid.
    """

    objective: Objective
    verdict: Verdict
    judgement: ShareJudgement | InvariantJudgement
    percentiles: dict[int, Interval]
    bad_by_reason: dict[str, int]


@dataclass(frozen=True, slots=True)
class NotJudged:
    """An objective that this run was not about, and why."""

    objective: Objective
    why: str


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run and everything that is said about it."""

    folder: RunFolder
    verdict: Verdict
    objectives: tuple[JudgedObjective, ...]
    not_judged: tuple[NotJudged, ...]
    invalid: tuple[Reason, ...]
    saturation: Saturation | None
    facts: RunFacts

    @property
    def is_stub(self) -> bool:
        """Whether any target of the run was a test double."""
        return any(target["kind"] == "stub" for target in self.folder.manifest.get("targets", {}).values())


def judge(folder: RunFolder, catalogue: Catalogue, *, confidence: float = 0.95) -> JudgedRun:
    """Judge every objective that the run was about."""
    wanted = [objective for objective in catalogue.objectives if _why_not(folder, objective) is None]
    left_out = [NotJudged(o, why) for o in catalogue.objectives if (why := _why_not(folder, o)) is not None]
    limits = [float(o.samples.limit_s) for o in wanted if o.samples.limit_s is not None]
    facts = run_facts(folder)
    invalid = invalid_reasons(facts, min(limits, default=None))
    judged = tuple(_judge_one(folder, objective, confidence, is_invalid=bool(invalid)) for objective in wanted)
    return JudgedRun(
        folder=folder,
        verdict=combine(one.verdict for one in judged) if not invalid else Verdict.INVALID_RUN,
        objectives=judged,
        not_judged=tuple(left_out),
        invalid=invalid,
        saturation=_saturation(folder),
        facts=facts,
    )


def matching(folder: RunFolder, objective: Objective) -> Samples:
    """Return the samples that the objective's filter lets through, by operation and by phase of the intended start."""
    due = due_in(folder, objective.samples.phases)
    return pick(due, np.isin(due["operation"], [_CODES[name] for name in objective.samples.operations]))


def measured_s(samples: Samples, measure: Measure) -> NDArray[np.float64]:
    """Return what the objective measures, in seconds from the intended start; infinite where it never came."""
    if measure is Measure.TIME_TO_FIRST_TOKEN:
        first = samples["first_ns"]
        values = np.where(first > 0, (first - samples["intended_ns"]) / _NS, np.inf)
    else:
        values = (samples["end_ns"] - samples["intended_ns"]) / _NS
    return np.asarray(values, np.float64)


def is_good(samples: Samples, objective: Objective) -> Bools:
    """Return which samples are good: no error, under the limit, and answered by whom it must be where that is asked."""
    asked = objective.samples
    good: Bools = samples["outcome"] == Outcome.OK
    if asked.limit_s is not None:
        good = good & (measured_s(samples, asked.measure) < float(asked.limit_s))
    if asked.answered_by is not None:
        good = good & (samples["source"] == SOURCES.index(asked.answered_by))
    return good


def _why_not(folder: RunFolder, objective: Objective) -> str | None:
    if objective.service not in folder.manifest.get("targets", {}):
        return f"this run was not about {objective.service}"
    missing = [phase.value for phase in objective.samples.phases if phase.value not in folder.plan.phases.bounds_s]
    if len(missing) == len(objective.samples.phases):
        return f"this run had no {' or '.join(sorted(missing))} phase"
    return None


def _judge_one(folder: RunFolder, objective: Objective, confidence: float, *, is_invalid: bool) -> JudgedObjective:
    samples = matching(folder, objective)
    were_sent = sent(samples)
    judgement: ShareJudgement | InvariantJudgement
    if objective.kind is Kind.INVARIANT:
        judgement = _judge_ledger(folder, len(were_sent))
    else:
        counts = _blocks(folder, were_sent, is_good(were_sent, objective), objective)
        unsent = int(np.count_nonzero(np.isin(samples["outcome"], (Outcome.NO_FREE_AGENT, Outcome.SKIPPED))))
        judgement = judge_share(objective.allowed_bad_share, counts, unsent=unsent, confidence=confidence)
    return JudgedObjective(
        objective=objective,
        verdict=Verdict.INVALID_RUN if is_invalid else judgement.verdict,
        judgement=judgement,
        percentiles=_percentiles(were_sent, objective, confidence),
        bad_by_reason=_reasons(were_sent, objective),
    )


def _blocks(folder: RunFolder, samples: Samples, good: Bools, objective: Objective) -> BlockCounts:
    """Count good and bad per second of intended start, over the seconds of the objective's phases."""
    bounds = folder.plan.phases.bounds_s
    goods, bads = [], []
    seconds = samples["intended_ns"] / _NS
    for phase, (start, end) in bounds.items():  # in the order of time: bursts are looked for between neighbours
        if phase not in objective.samples.phases:
            continue
        edges = np.append(np.arange(start, end, 1.0), end)
        goods.append(np.histogram(seconds[good], edges)[0])
        bads.append(np.histogram(seconds[~good], edges)[0])
    return BlockCounts(1.0, np.concatenate(goods), np.concatenate(bads))


def _judge_ledger(folder: RunFolder, total: int) -> InvariantJudgement:
    """No message lost: every worker accounts for every request, and nobody's listener was ever away."""
    ledgers = [end["bridge"] for end in folder.ends if "bridge" in end]
    complete = (
        len(folder.ends) == folder.manifest["workers"]
        and len(ledgers) == len(folder.ends)
        and not any(ledger["listener_gaps"] for ledger in ledgers)
    )
    sent = max(total, sum(ledger["sent"] for ledger in ledgers))
    # A reply that was published while a listener was away is gone for good, so its loss proves nothing.
    lost = sum(ledger["lost"] for ledger in ledgers if not ledger["listener_gaps"])
    return judge_invariant(lost, accounting_complete=complete, total=sent)


def _percentiles(samples: Samples, objective: Objective, confidence: float) -> dict[int, Interval]:
    measure = objective.samples.measure
    # An error has no response time: counted with its own, a target that fails at once would look fast.
    values = np.where(samples["outcome"] == Outcome.OK, measured_s(samples, measure), np.inf)
    if measure is Measure.NONE or not len(values):
        return {}
    blocks = samples["intended_ns"] // int(_NS)
    return {p: percentile_interval(values, Fraction(p, 100), blocks - blocks.min(), confidence) for p in _PERCENTILES}


def _reasons(samples: Samples, objective: Objective) -> dict[str, int]:
    """Count bad requests by what was wrong with them; an invariant has no bad requests, only losses."""
    if objective.kind is Kind.INVARIANT:
        return {}
    good = is_good(samples, objective)
    counts = {
        outcome.name.lower().replace("_", " "): int(np.count_nonzero(samples["outcome"] == outcome))
        for outcome in Outcome
        if outcome not in UNSENT and outcome != Outcome.OK
    }
    answered = samples["outcome"] == Outcome.OK
    limit_s = float(objective.samples.limit_s or np.inf)
    slow = answered & (measured_s(samples, objective.samples.measure) >= limit_s)
    counts["too slow"] = int(np.count_nonzero(slow))
    counts["answered by another"] = int(np.count_nonzero(answered & ~slow & ~good))
    return {reason: count for reason, count in counts.items() if count}


def _saturation(folder: RunFolder) -> Saturation | None:
    """Ask whether response times were still climbing through the steady state."""
    start, _ = folder.plan.phases.bounds_s["steady"]
    steady = sent(due_in(folder, {Phase.STEADY}))
    if not len(steady):
        return None
    seconds = (steady["intended_ns"] / _NS - start).astype(int)
    counts = np.bincount(seconds)
    sums = np.bincount(seconds, measured_s(steady, Measure.RESPONSE_TIME))
    means = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return saturation(means, block_s=1.0, quantity="the mean response time", unit="s")
