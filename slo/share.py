"""Whether the share of bad requests keeps to what an objective allows, judged from counts per block of time."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slo import assumption, dispersion
from slo.binomial import lower_bound, upper_bound
from slo.verdict import Verdict

__all__ = ["BlockCounts", "InvariantJudgement", "ShareJudgement", "judge_invariant", "judge_share"]


@dataclass(frozen=True, slots=True, eq=False)
class BlockCounts:
    """Good and bad requests of a phase, one pair of counts for each block of `block_s` seconds, in the order of time.

    A request belongs to the block of its INTENDED start. Blocks in which none was due stand there with zeros.
    """

    block_s: float
    good: NDArray[np.int64]
    bad: NDArray[np.int64]

    def __init__(self, block_s: float, good: ArrayLike, bad: ArrayLike) -> None:
        good_counts, bad_counts = _counts(good, "good"), _counts(bad, "bad")
        if good_counts.shape != bad_counts.shape:
            raise ValueError(f"{good_counts.size} blocks of good counts, {bad_counts.size} of bad ones")
        if not block_s > 0:
            raise ValueError(f"block_s {block_s} must be above zero")
        object.__setattr__(self, "block_s", block_s)
        object.__setattr__(self, "good", good_counts)
        object.__setattr__(self, "bad", bad_counts)

    @staticmethod
    def from_requests(
        intended_start_s: ArrayLike, good: ArrayLike, *, duration_s: float, block_s: float = 1.0
    ) -> "BlockCounts":
        """Count requests into blocks; starts are seconds since the phase began, `good` one truth value for each.

        Raises:
            ValueError: a start lies outside the phase.
        """
        starts = np.asarray(intended_start_s, dtype=np.float64)
        is_good = np.asarray(good, dtype=np.bool_)
        if starts.size and not (starts.min() >= 0 and starts.max() < duration_s):
            raise ValueError(f"starts {starts.min()} to {starts.max()} s lie outside the phase of {duration_s} s")
        blocks = int(np.ceil(duration_s / block_s))
        block = np.floor(starts / block_s).astype(np.int64)
        return BlockCounts(
            block_s,
            np.bincount(block[is_good], minlength=blocks),
            np.bincount(block[~is_good], minlength=blocks),
        )


@dataclass(frozen=True, slots=True)
class ShareJudgement:
    """A verdict on a share, and everything needed to check it.

    `lower` and `upper` bound the bad share, each at `confidence` (one-sided). Arrivals that were never sent are in
    neither `good` nor `bad`: `upper` takes them for bad, `lower` for good. `effective_total` is the number of
    independent requests that would tell as much. `point_estimate_passes` is what comparing the bare share would say.
    """

    verdict: Verdict
    good: int
    bad: int
    total: int
    unsent: int
    bad_share: float | None
    lower: float
    upper: float
    dispersion: float
    effective_total: float
    assumption: str
    point_estimate_passes: bool
    allowed_bad: Fraction
    confidence: float


def judge_share(
    allowed_bad: Fraction, counts: BlockCounts, *, unsent: int = 0, confidence: float = 0.95
) -> ShareJudgement:
    """Judge a share of bad requests by exact bounds, widened by the dispersion measured between blocks.

    `met`: the upper bound is at most the allowed share. `missed`: the lower bound is above it. Else `inconclusive`;
    with no request at all, `no data`, or `inconclusive` when arrivals were there but none could be sent. `unsent` are
    arrivals that found no free agent, and turns that their session never came to.

    Raises:
        ValueError: `allowed_bad` or `confidence` is not between 0 and 1, or `unsent` is negative.
    """
    if not (0 < allowed_bad < 1 and 0 < confidence < 1) or unsent < 0:
        raise ValueError(
            f"allowed_bad {allowed_bad}, confidence {confidence}: between 0 and 1; unsent {unsent}: from 0"
        )
    good, bad = int(counts.good.sum()), int(counts.bad.sum())
    total = good + bad
    spread = dispersion.measure(counts.good + counts.bad, counts.bad)
    lower, upper = 0.0, 1.0
    if total:
        arrivals = total + unsent
        upper = float(
            upper_bound(bad + unsent, arrivals, confidence=confidence, dispersion=spread.value, burst=spread.burst)
        )
        lower = float(lower_bound(bad, arrivals, confidence=confidence, dispersion=spread.value, burst=spread.burst))
    return ShareJudgement(
        verdict=_verdict(allowed_bad, lower, upper) if total else _unknown(unsent),
        good=good,
        bad=bad,
        total=total,
        unsent=unsent,
        bad_share=bad / total if total else None,
        lower=lower,
        upper=upper,
        dispersion=spread.value,
        effective_total=total / spread.value,
        assumption=assumption.describe(spread, allowed_bad=allowed_bad, block_s=counts.block_s, bad=bad)
        if total
        else f"none of {unsent:,} arrivals could be sent: every agent or user was busy"
        if unsent
        else "no request counts for this objective",
        point_estimate_passes=total > 0 and bad <= allowed_bad * total,
        allowed_bad=allowed_bad,
        confidence=confidence,
    )


@dataclass(frozen=True, slots=True)
class InvariantJudgement:
    """A verdict on a rule that no request may break.

    `undetected_share` is the largest share of violations that fits what was counted, at `confidence`.
    """

    verdict: Verdict
    violations: int
    total: int
    accounting_complete: bool
    undetected_share: float
    confidence: float
    assumption: str


def judge_invariant(
    violations: int, accounting_complete: bool, total: int, *, confidence: float = 0.95
) -> InvariantJudgement:
    """Judge an invariant: one violation is `missed`; none is `met` only when every request is accounted for.

    Raises:
        ValueError: a count is negative, or there are more violations than requests.
    """
    if not 0 <= violations <= total:
        raise ValueError(f"{violations} violations of {total} requests")
    undetected = float(upper_bound(violations, total, confidence=confidence)) if total else 1.0
    if not total:
        verdict, sentence = Verdict.NO_DATA, "no request counts for this objective"
    elif violations:
        verdict, sentence = Verdict.MISSED, f"{violations:,} of {total:,} broke the rule, none may"
    elif accounting_complete:
        verdict = Verdict.MET
        sentence = (
            f"none of {total:,}; a fault that strikes fewer than 1 in {int(1 / undetected):,} at random "
            f"could have gone unseen ({confidence:.0%} confidence)"
        )
    else:
        verdict, sentence = Verdict.INCONCLUSIVE, f"none seen, but not every one of {total:,} is accounted for"
    return InvariantJudgement(verdict, violations, total, accounting_complete, undetected, confidence, sentence)


def _unknown(unsent: int) -> Verdict:
    return Verdict.INCONCLUSIVE if unsent else Verdict.NO_DATA


def _verdict(allowed_bad: Fraction, lower: float, upper: float) -> Verdict:
    if Fraction(upper) <= allowed_bad:
        return Verdict.MET
    return Verdict.MISSED if Fraction(lower) > allowed_bad else Verdict.INCONCLUSIVE


def _counts(values: ArrayLike, name: str) -> NDArray[np.int64]:
    given = np.asarray(values)
    counts = given.astype(np.int64)
    if counts.ndim != 1 or (counts != given).any() or (counts < 0).any():
        raise ValueError(f"{name} counts must be whole numbers from 0, one for each block")
    counts.flags.writeable = False
    return counts
