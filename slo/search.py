"""Which rate is tried next when the highest rate is sought at which every objective is met, and what was found?

The search ramps up by a factor until a rate is not met, then halves the distance (on a logarithmic axis) between the
highest rate met and the lowest not met. A rate about which nothing could be decided is tried once more; after that it
counts as neither met nor not met: both ends move towards it from their own side, and it stays inside the interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import sqrt

__all__ = ["Ending", "Found", "Outcome", "Rules", "Step", "Try", "found", "next_try"]


class Outcome(StrEnum):
    """What a step says about its rate."""

    MET = "met"
    NOT_MET = "not met"
    UNDECIDED = "undecided"  # too few requests to tell, or none that an objective is about
    INVALID = "invalid"  # the generator was the limit, not the target
    TOO_FEW_AGENTS = "too few agents"  # arrivals found none that was free, so the rate never reached the target


class Ending(StrEnum):
    """What is known when the search is over."""

    INTERVAL = "interval"  # a rate was met, and a higher one was not
    GENERATOR = "generator was the limit"  # a rate was met; the generator could not send a higher one
    AGENTS = "agents were the limit"  # a rate was met; for a higher one there were too few agents
    HIGHEST = "highest rate met"  # no rate that may be tried was too high
    OPEN = "open above"  # a rate was met; nothing above it could be decided
    START_MISSED = "start not met"  # not even the first rate was met
    START_INVALID = "start invalid"  # not even the first rate could be sent
    NOTHING = "nothing decided"  # no rate was shown to be met


@dataclass(frozen=True, slots=True)
class Rules:
    """How a search goes: rates a second, and how many steps it may take in all.

    It ends when the lowest rate not met is at most `resolution` (a share, 0.05 is 5 %) above the highest met.
    """

    start: float
    highest: float
    resolution: float = 0.05
    factor: float = 2.0
    most_steps: int = 20

    def __post_init__(self) -> None:
        if not (0 < self.start <= self.highest and self.resolution > 0 and self.factor > 1 and self.most_steps >= 1):
            raise ValueError(
                f"start and highest rate, resolution above 0, factor above 1, at least one step; found {self}"
            )


@dataclass(frozen=True, slots=True)
class Step:
    """A rate that was tried, and what came of it; `is_final` says that trying it for longer is not allowed."""

    rate: float
    outcome: Outcome
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    """A rate to try next; a repeat may take longer than the first attempt."""

    rate: float
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The highest rate met, the lowest not met (None where there is none), and rates between about which none knows.

    `is_fine` says that the interval is as narrow as the resolution asks.
    """

    ending: Ending
    met: float | None
    not_met: float | None
    undecided: tuple[float, ...]
    is_fine: bool


def next_try(rules: Rules, steps: Sequence[Step]) -> Try | None:
    """Return what to try after these steps; None when the search is over."""
    if len(steps) >= rules.most_steps:
        return None
    if not steps:
        return Try(rules.start)
    last = steps[-1]
    if last.outcome in _TRY_AGAIN and not last.is_final and sum(step.rate == last.rate for step in steps) == 1:
        return Try(last.rate, is_repeat=True)
    known = _Known(steps)
    if known.top is None:
        highest = max(step.rate for step in steps)
        if highest < rules.highest:
            return Try(min(highest * rules.factor, rules.highest))
    gaps = [gap for gap in known.gaps() if gap[1] > gap[0] * (1 + rules.resolution)]
    if not gaps:
        return None
    low, high = max(gaps, key=lambda gap: gap[1] / gap[0])
    return Try(sqrt(low * high))


def found(rules: Rules, steps: Sequence[Step]) -> Found:
    """Return what these steps, in the order in which they were taken, say about the highest rate met."""
    known = _Known(steps)
    met, not_met = known.met, known.not_met
    return Found(
        ending=_ending(rules, known, steps),
        met=met,
        not_met=not_met,
        undecided=tuple(known.between),
        is_fine=met is not None and not_met is not None and not_met <= met * (1 + rules.resolution),
    )


# Chance or a passing disturbance may have had a hand in these.
_TRY_AGAIN = (Outcome.UNDECIDED, Outcome.INVALID)
# With these the target never saw the rate.
_NOT_SENT = (Outcome.INVALID, Outcome.TOO_FEW_AGENTS)


class _Known:
    """The steps by rate: the last attempt at a rate is the one that counts."""

    def __init__(self, steps: Sequence[Step]) -> None:
        last = {step.rate: step.outcome for step in steps}
        self.not_met = min((rate for rate, outcome in last.items() if outcome is Outcome.NOT_MET), default=None)
        below = [rate for rate in last if self.not_met is None or rate < self.not_met]
        self.met = max((rate for rate in below if last[rate] is Outcome.MET), default=None)
        neither = sorted(rate for rate in below if self.met is None or rate > self.met)
        # Above a rate that could not be sent nothing is to be learnt, unless a higher one was decided.
        self.ceiling = next((rate for rate in neither if last[rate] in _NOT_SENT), None)
        self.why_not_sent = None if self.ceiling is None else last[self.ceiling]
        self.top = self.not_met if self.not_met is not None else self.ceiling
        self.between = [rate for rate in neither if self.top is None or rate < self.top]

    def gaps(self) -> list[tuple[float, float]]:
        """Return the stretches that can still be halved: from the highest rate met up, and from the top down."""
        bottom = [] if self.met is None else [self.met]
        top = [] if self.top is None else [self.top]
        rates = [*bottom, *self.between, *top]
        stretches = list(pairwise(rates))
        upper = stretches[-1:] if top else []
        return list(dict.fromkeys([*(stretches[:1] if bottom else []), *upper]))


def _ending(rules: Rules, known: _Known, steps: Sequence[Step]) -> Ending:
    if known.met is None:
        first = steps[0].rate if steps else None
        if first is not None and known.not_met == first:
            return Ending.START_MISSED
        is_invalid = first is not None and known.ceiling == first and known.why_not_sent is Outcome.INVALID
        return Ending.START_INVALID if is_invalid else Ending.NOTHING
    if known.not_met is not None:
        return Ending.INTERVAL
    if known.ceiling is not None:
        return Ending.GENERATOR if known.why_not_sent is Outcome.INVALID else Ending.AGENTS
    return Ending.HIGHEST if known.met >= rules.highest else Ending.OPEN
