"""Is a difference claimed only where there is one, and found where there is? Exact cases and seeded simulations.

Run as a script, this file prints the rows of the table in the docs.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import combinations, product
from math import exp, inf
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from slo.comparison import (
    POWER,
    Difference,
    Finding,
    Interval,
    _rank_sum,
    _signed_rank,
    fewest_pairs,
    longer_by,
    pair_deviation,
    pairs_needed,
    ratio_in_turns,
    ratio_of_runs,
    share_difference,
    verdict_of,
)
from slo.share import BlockCounts, ShareJudgement, judge_share
from slo.verdict import Verdict

P50, P95, P99 = Fraction(1, 2), Fraction(95, 100), Fraction(99, 100)
TOLERANCE = 0.1
FAMILY = 0.05
ERROR = FAMILY / 4  # of each figure of an objective: three percentiles, and the share of bad requests
COMPARISONS = 200
STEPS_A_SECOND = 4
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Machine:
    """A target on a machine that slows everything by a factor that wanders: its log has this deviation and memory.

    `noise` is what remains of that between neighbouring slices, measured once on this process.
    """

    deviation: float
    memory_s: float
    noise: float
    rate_per_s: float = 10.0
    shape: float = 0.4  # of service times, as the stub has them
    slice_s: float = 4.0
    gap_s: float = 1.0

    @property
    def words(self) -> str:
        if not self.deviation:
            return "steady"
        return f"wanders by {self.deviation:.0%} within {self.memory_s:g} s"

    @property
    def pairs(self) -> int:
        """The planned length, for a p95."""
        one = pair_deviation(P95, self.rate_per_s * self.slice_s, shape=self.shape, noise=self.noise)
        return pairs_needed(one, tolerance=TOLERANCE, error=ERROR)

    def slowness(self, random: np.random.Generator, duration_s: float) -> Values:
        steps = int(duration_s * STEPS_A_SECOND) + 1
        kept = exp(-1 / (self.memory_s * STEPS_A_SECOND))
        shocks = random.normal(0, self.deviation * np.sqrt(1 - kept**2), steps)
        shocks[0] = random.normal(0, self.deviation)
        return np.asarray(np.exp(lfilter([1], [1, -kept], shocks)), np.float64)

    def times(self, random: np.random.Generator, slowness: Values, starts_s: Values, length_s: float) -> list[Values]:
        """Return what the requests of each window of this length took."""
        counts = random.poisson(self.rate_per_s * length_s, starts_s.size)
        due = np.repeat(starts_s, counts) + random.uniform(0, length_s, counts.sum())
        took = random.lognormal(np.log(0.35), self.shape, due.size) * slowness[(due * STEPS_A_SECOND).astype(int)]
        return np.split(took, np.cumsum(counts)[:-1])

    def in_turns(self, random: np.random.Generator, factor: float) -> tuple[list[Values], list[Values]]:
        """Return the slices of the base and of a candidate that is slower by this factor."""
        one_s = self.slice_s + self.gap_s
        slowness = self.slowness(random, 2 * self.pairs * one_s)
        pairs_s = np.arange(self.pairs) * 2 * one_s
        goes_second = random.integers(2, size=self.pairs)
        base = self.times(random, slowness, pairs_s + goes_second * one_s, self.slice_s)
        candidate = self.times(random, slowness, pairs_s + (1 - goes_second) * one_s, self.slice_s)
        return base, [factor * one for one in candidate]

    def apart(self, random: np.random.Generator, duration_s: int) -> list[Values]:
        slowness = self.slowness(random, duration_s)
        return self.times(random, slowness, np.arange(duration_s, dtype=np.float64), 1.0)


STEADY = Machine(deviation=0.0, memory_s=1.0, noise=0.0)
NOISY = Machine(deviation=0.15, memory_s=3.0, noise=0.15)
VERY_NOISY = Machine(deviation=0.3, memory_s=10.0, noise=0.23)
MACHINES = [STEADY, NOISY, VERY_NOISY]
DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "compare-two-runs.md"


def finding(interval: Interval | None) -> Finding:
    return Difference(interval, 1.0, 1.0 + TOLERANCE).finding


@cache
def findings(machine: Machine, factor: float) -> list[dict[Fraction, Finding]]:
    random = np.random.default_rng([7, int(1000 * machine.deviation), int(1000 * factor)])
    found = []
    for _ in range(COMPARISONS):
        base, candidate = machine.in_turns(random, factor)
        asked = (P50, P95, P99) if factor == 1 else (P95,)
        found.append({q: finding(ratio_in_turns(base, candidate, q, error=ERROR)) for q in asked})
    return found


def claimed(machine: Machine) -> float:
    """Return in which share of comparisons of equal targets any percentile is said to differ."""
    claims = {Finding.BETTER, Finding.WORSE, Finding.WITHIN}
    return sum(bool(claims & set(one.values())) for one in findings(machine, 1.0)) / COMPARISONS


def shown_equal(machine: Machine) -> float:
    return sum(verdict_of(one[P95]) is Verdict.MET for one in findings(machine, 1.0)) / COMPARISONS


def found_slower(machine: Machine) -> float:
    return sum(one[P95] is Finding.WORSE for one in findings(machine, 1 + TOLERANCE)) / COMPARISONS


def row(machine: Machine) -> str:
    rates = (f"{rate(machine):.1%}" for rate in (claimed, shown_equal, found_slower))
    return f"| {machine.words} | {machine.pairs} | {' | '.join(rates)} |"


on_each_machine = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.words)


@on_each_machine
def test_of_two_equal_targets_in_turns_no_difference_is_claimed_in_19_of_20_comparisons(machine: Machine) -> None:
    assert claimed(machine) <= FAMILY


@on_each_machine
def test_a_candidate_slower_by_a_tenth_is_found_in_9_of_10_comparisons_of_the_planned_length(machine: Machine) -> None:
    assert found_slower(machine) >= POWER


@on_each_machine
def test_equal_targets_are_shown_to_be_equal_in_9_of_10_comparisons_of_the_planned_length(machine: Machine) -> None:
    assert shown_equal(machine) >= POWER


def test_the_page_has_the_simulated_rows() -> None:
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith(("| steady", "| wanders"))]
    assert rows == [row(machine) for machine in MACHINES]


def test_runs_apart_claim_no_difference_between_equal_targets_while_the_noise_is_short() -> None:
    random = np.random.default_rng(11)
    machine = Machine(deviation=0.1, memory_s=2.0, noise=0.0)
    claims = 0
    for _ in range(100):
        base, candidate = machine.apart(random, 300), machine.apart(random, 300)
        found = {finding(ratio_of_runs(base, candidate, q, error=FAMILY / 2)) for q in (P50, P95)}
        claims += bool(found & {Finding.BETTER, Finding.WORSE, Finding.WITHIN})
    assert claims <= 5


def test_runs_apart_find_a_candidate_that_is_half_as_slow_again() -> None:
    random = np.random.default_rng(12)
    base, candidate = STEADY.apart(random, 100), [1.5 * second for second in STEADY.apart(random, 100)]
    found = ratio_of_runs(base, candidate, P95, error=ERROR)
    assert found is not None
    assert found.lower < 1.5 < found.upper
    assert finding(found) is Finding.WORSE


def test_a_machine_that_slows_down_half_way_moves_no_comparison_in_turns() -> None:
    random = np.random.default_rng(13)
    base, candidate = STEADY.in_turns(random, 1.0)
    half = len(base) // 2

    def slowed(side: list[Values]) -> list[Values]:
        return [*side[:half], *(3 * one for one in side[half:])]

    before = ratio_in_turns(base, candidate, P50, error=ERROR)
    after = ratio_in_turns(slowed(base), slowed(candidate), P50, error=ERROR)
    assert before is not None
    assert after is not None
    assert after.lower == pytest.approx(before.lower)
    assert after.upper == pytest.approx(before.upper)


@pytest.mark.parametrize(
    ("lower", "upper", "found", "verdict"),
    [
        (0.8, 0.95, Finding.BETTER, Verdict.MET),
        (0.95, 1.05, Finding.SAME, Verdict.MET),
        (1.02, 1.1, Finding.WITHIN, Verdict.MET),
        (1.02, 1.2, Finding.WORSE, Verdict.MISSED),
        (1.3, inf, Finding.WORSE, Verdict.MISSED),
        (0.9, 1.2, Finding.UNKNOWN, Verdict.INCONCLUSIVE),
        (0.0, inf, Finding.UNKNOWN, Verdict.INCONCLUSIVE),
    ],
)
def test_a_finding_says_where_the_interval_lies(lower: float, upper: float, found: Finding, verdict: Verdict) -> None:
    one = Difference(Interval(1.0, lower, upper, 20), 1.0, 1.1)
    assert one.finding is found
    assert verdict_of(one.finding) is verdict


def test_without_an_interval_nothing_is_known() -> None:
    assert Difference(None, 1.0, 1.1).finding is Finding.UNKNOWN


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_the_chances_of_the_signed_rank_statistic_are_those_of_all_signs(count: int) -> None:
    sums = [sum(rank for rank, is_in in enumerate(signs, 1) if is_in) for signs in product((0, 1), repeat=count)]
    assert _signed_rank(count) == pytest.approx(np.bincount(sums) / 2**count)


@pytest.mark.parametrize(("base", "candidate"), [(1, 1), (3, 4), (4, 3), (5, 5)])
def test_the_chances_of_the_rank_sum_statistic_are_those_of_all_orders(base: int, candidate: int) -> None:
    smallest = base * (base + 1) // 2
    sums = [sum(ranks) - smallest for ranks in combinations(range(1, base + candidate + 1), base)]
    assert _rank_sum(base, candidate) == pytest.approx(np.bincount(sums) / len(sums))


def test_fewer_pairs_than_the_fewest_refute_nothing() -> None:
    fewest = fewest_pairs(0.05)
    assert fewest == 6
    base = [np.full(50, 1.0) for _ in range(fewest)]
    candidate = [np.full(50, 2.0) for _ in range(fewest)]
    found = ratio_in_turns(base, candidate, P50, error=0.05)
    assert found is not None
    assert (found.estimate, found.lower, found.upper) == pytest.approx((2.0, 2.0, 2.0))
    assert ratio_in_turns(base[1:], candidate[1:], P50, error=0.05) is None


def test_pairs_are_joined_until_values_lie_beyond_the_percentile() -> None:
    random = np.random.default_rng(14)
    slices = [random.lognormal(size=50) for _ in range(82)]
    found = ratio_in_turns(slices, slices, P99, error=0.05)
    assert found is not None
    assert found.blocks == 20  # of 200 values each; the two left over belong to the last
    assert ratio_in_turns(slices[:20], slices[:20], P99, error=0.05) is None


def test_slices_without_a_request_are_left_out_and_none_at_all_is_no_interval() -> None:
    full, empty = np.full(40, 1.0), np.empty(0)
    found = ratio_in_turns([full, empty] * 8, [full, empty] * 8, P50, error=0.05)
    assert found is not None
    assert ratio_in_turns([empty] * 20, [empty] * 20, P50, error=0.05) is None
    assert ratio_in_turns([], [], P50, error=0.05) is None
    assert ratio_of_runs([empty] * 20, [empty] * 20, P50, error=0.05) is None


def test_a_candidate_that_stops_answering_is_worse_without_bound() -> None:
    answered, never = [np.full(40, 0.2)] * 20, [np.full(40, inf)] * 20
    for compare in (ratio_in_turns, ratio_of_runs):
        found = compare(answered, never, P95, error=0.05)
        assert found is not None
        assert found.lower == inf
        assert finding(found) is Finding.WORSE
        both = compare(never, never, P95, error=0.05)
        assert both is not None
        assert finding(both) is Finding.SAME


def judged(bad: int, total: int = 1000, *, in_one_second: bool = False) -> ShareJudgement:
    bads = np.zeros(100, int)
    if in_one_second:
        bads[50] = bad
    else:
        bads[np.linspace(0, 99, bad).astype(int)] += 1
    goods = np.full(100, total // 100) - np.minimum(bads, total // 100)
    return judge_share(Fraction(1, 20), BlockCounts(1.0, goods, bads), confidence=1 - FAMILY / 2)


def test_a_share_that_rises_beyond_the_bounds_of_both_sides_is_worse() -> None:
    found = share_difference(judged(5), judged(90))
    assert found is not None
    assert found.estimate == pytest.approx(0.085)
    assert Difference(found, 0.0, 0.05).finding is Finding.WORSE


def test_two_shares_without_a_failure_are_shown_equal_within_the_tolerance() -> None:
    found = share_difference(judged(0), judged(0))
    assert found is not None
    assert found.lower < 0 < found.upper < 0.01
    assert Difference(found, 0.0, 0.05).finding is Finding.SAME


def test_one_second_of_failures_is_no_proof_of_a_difference() -> None:
    found = share_difference(judged(0), judged(10, in_one_second=True))
    assert found is not None
    assert found.lower < 0


def test_a_side_without_a_request_has_no_share_to_compare() -> None:
    nobody = judge_share(Fraction(1, 20), BlockCounts(1.0, [0, 0], [0, 0]))
    assert share_difference(nobody, judged(1)) is None


def test_a_plan_grows_with_noise_and_shrinks_with_requests_and_tolerance() -> None:
    few, many = (pair_deviation(P95, requests, shape=0.4) for requests in (20, 200))
    assert many < few
    assert pair_deviation(P95, 20, shape=0.4, noise=0.2) > few
    needed = pairs_needed(few, tolerance=0.1, error=0.05)
    assert needed > pairs_needed(few, tolerance=0.2, error=0.05)
    assert needed > pairs_needed(many, tolerance=0.1, error=0.05)
    assert needed < pairs_needed(few, tolerance=0.1, error=0.01)


def test_how_much_longer_follows_from_the_width_of_the_interval() -> None:
    narrow, wide = Interval(1.0, 0.95, 1 / 0.95, 20), Interval(1.0, 0.9, 1 / 0.9, 20)
    assert longer_by(narrow, tolerance=0.1, error=0.05) < longer_by(wide, tolerance=0.1, error=0.05)
    assert longer_by(Interval(1.0, 0.0, inf, 20), tolerance=0.1, error=0.05) == inf


if __name__ == "__main__":
    print("\n".join(row(machine) for machine in MACHINES))  # noqa: T201 - a script for whoever updates the docs
