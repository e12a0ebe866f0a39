"""What is the capacity, as the steps of a search have shown it, and how many replicas do the tiers need?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadgen import tiers
from report.capacity_step import StepReading
from slo.scalability import Linear, Point, Replicas, Universal, scaling
from slo.search import Ending, Found, Outcome, Rules, Step, found

_TIERS = ("small", "medium", "large")  # those of the source documents (R0-25)
# The shortest steady state of a step whose result may be reported.
SHORTEST_STEP_S = 60.0
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Asked:
    """What a search was asked to do."""

    run_id: str
    started_at: str
    service: str
    kind: str
    address: str
    version: str
    tier: str
    mix: dict[str, float]
    agents: int
    rules: Rules
    step_s: float
    seed: int
    replicas: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Capacity:
    """What a search found.

    `lower` is the throughput of the highest rate met: what arrived or, where that was less, what was completed.
    `upper` is the lowest rate not met: what was asked for or, where that was more, what arrived. None is unknown.
    `needed` holds the replicas for each tier; it is empty where no capacity is known to count from.
    """

    asked: Asked
    steps: tuple[StepReading, ...]
    found: Found
    lower: float | None
    upper: float | None
    stopped: str | None
    scaling: Universal | Linear | None
    needed: dict[str, Replicas]

    @property
    def is_stub(self) -> bool:
        """Whether a test double was driven."""
        return self.asked.kind == "stub"

    @property
    def is_too_short(self) -> bool:
        """Whether a step was too short for its result to be reported."""
        return any(step.steady_s < SHORTEST_STEP_S for step in self.steps)

    @property
    def last_met(self) -> StepReading | None:
        """The step of the highest rate met."""
        return self._step(self.found.met)

    @property
    def first_not_met(self) -> StepReading | None:
        """The step of the lowest rate not met."""
        return self._step(self.found.not_met)

    def _step(self, rate: float | None) -> StepReading | None:
        return next((step for step in reversed(self.steps) if step.rate == rate), None)


def conclude_search(asked: Asked, steps: Sequence[StepReading], *, stopped: str | None = None) -> Capacity:
    """Return what the steps have shown; `stopped` says why the search ended before it was done."""
    result = found(asked.rules, [Step(step.rate, step.outcome) for step in steps])
    met = next((step for step in reversed(steps) if step.rate == result.met), None)
    not_met = next((step for step in reversed(steps) if step.rate == result.not_met), None)
    lower = min(met.arrived_per_s, met.completed_per_s) if met else None
    upper = max(not_met.rate, not_met.arrived_per_s, lower or 0.0) if not_met else None
    points = list(asked.points)
    if lower and upper:
        points.append(Point(asked.replicas, lower, upper))
    curve = scaling(points, seed=asked.seed) if points else None
    needed = {name: curve.replicas_for(tiers.load(name).rate) for name in _TIERS} if curve else {}
    return Capacity(asked, tuple(steps), result, lower, upper, stopped, curve, needed)


def found_text(capacity: Capacity) -> str:
    """Return the result as one sentence, without the word on what was driven."""
    ending, lower, upper = capacity.found.ending, capacity.lower, capacity.upper
    if lower is not None and upper is not None:
        return f"Capacity {rate_text(lower)} to {rate_text(upper)} requests a second"
    if lower is not None:
        why = {
            Ending.GENERATOR: "the generator was the limit",
            Ending.AGENTS: "there were too few agents for more",
            Ending.HIGHEST: "no higher rate was to be tried",
        }.get(ending, "nothing above it could be decided")
        return f"Capacity at least {rate_text(lower)} requests a second: {why}"
    start = rate_text(capacity.asked.rules.start)
    if ending is Ending.START_MISSED:
        return f"Capacity below {start} requests a second: not even the first rate was met"
    if ending is Ending.START_INVALID:
        return f"Capacity unknown: the generator could not send even {start} requests a second"
    return "Capacity unknown: no rate could be shown to be met"


def headline(capacity: Capacity) -> str:
    """Return the result in one sentence; it says STUB where a test double answered."""
    return found_text(capacity) + (" — on a STUB" if capacity.is_stub else "")


def remarks(capacity: Capacity) -> tuple[str, ...]:
    """Return what has to be said beside the result: what it stands on, and what it does not show."""
    said = []
    if capacity.is_too_short:
        said.append(
            f"steps were shorter than {SHORTEST_STEP_S:g} s: too short to be reported, fit for trying the search only"
        )
    met, not_met = capacity.last_met, capacity.first_not_met
    if met is not None:
        said.append(f"met at {rate_text(met.rate)} a second for {met.steady_s:g} s: {met.why}")
    if not_met is not None:
        said.append(f"not met at {rate_text(not_met.rate)} a second: {not_met.why}")
    said += _uncertain(capacity)
    asked = capacity.asked
    if capacity.needed and set(asked.mix) < set(tiers.load(asked.tier).mix):
        only = ", ".join(sorted(asked.mix))
        said.append(
            f"replicas are counted for so many of {only} a second; in a tier's mix these are a part of its rate"
        )
    if capacity.stopped:
        said.append(f"the search was stopped: {capacity.stopped}")
    return tuple(said)


def rate_text(rate: float) -> str:
    """Write requests a second with three or four digits."""
    return f"{rate:,.0f}" if rate >= 1000 else f"{rate:.3g}" if rate < 100 else f"{rate:.4g}"


def _uncertain(capacity: Capacity) -> list[str]:
    result, rules = capacity.found, capacity.asked.rules
    said = []
    if result.undecided:
        between = ", ".join(rate_text(rate) for rate in result.undecided)
        said.append(f"nothing could be decided at {between} a second, so the interval is wider than it could be")
    if capacity.lower and capacity.upper:
        said.append(
            f"each end is the verdict of one step, at {CONFIDENCE * 100:g} % (one-sided): what the target did in those "
            f"minutes; one whose capacity varies from minute to minute varies by more"
        )
        if not result.is_fine and len(capacity.steps) >= rules.most_steps:
            said.append(f"all {rules.most_steps} steps were used before the ends were {rules.resolution:.3g} apart")
    invalid = [step for step in capacity.steps if step.outcome is Outcome.INVALID]
    if result.ending in {Ending.GENERATOR, Ending.START_INVALID} and invalid:
        lowest = min(invalid, key=lambda step: step.rate)
        said.append(f"the generator was the limit at {rate_text(lowest.rate)} a second: {lowest.why}")
    short = [step for step in capacity.steps if step.outcome is Outcome.TOO_FEW_AGENTS]
    if not result.not_met and short:
        lowest = min(short, key=lambda step: step.rate)
        said.append(f"there were too few agents for {rate_text(lowest.rate)} a second: {lowest.why}")
    return said
