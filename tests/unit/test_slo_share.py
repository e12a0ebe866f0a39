"""What may be concluded from counts of good and bad requests."""

from fractions import Fraction

import numpy as np
import pytest

from slo.assumption import duration_words, runs_words
from slo.binomial import lower_bound, most_bad_tolerated, samples_to_meet, upper_bound
from slo.share import BlockCounts, judge_invariant, judge_share
from slo.verdict import Verdict

FIVE = Fraction(1, 20)


def evenly(blocks: int, good: int, bad_in: dict[int, int] | None = None) -> BlockCounts:
    """`good` good requests a second, and bad ones in the named seconds instead."""
    bad = np.zeros(blocks, dtype=np.int64)
    for block, count in (bad_in or {}).items():
        bad[block] = count
    return BlockCounts(1.0, np.maximum(good - bad, 0), bad)


@pytest.mark.parametrize(
    ("allowed", "fewest"), [(FIVE, 59), (Fraction(1, 100), 299), (Fraction(1, 1000), 2995), (Fraction(1, 2000), 5990)]
)
def test_a_clean_run_is_met_from_the_fewest_requests_on_and_inconclusive_with_one_less(
    allowed: Fraction, fewest: int
) -> None:
    assert judge_share(allowed, BlockCounts(1.0, [fewest - 1], [0])).verdict is Verdict.INCONCLUSIVE
    assert judge_share(allowed, BlockCounts(1.0, [fewest], [0])).verdict is Verdict.MET
    assert samples_to_meet(allowed, 0, confidence=0.95) == fewest


def test_no_request_is_no_data_and_passes_nothing() -> None:
    judged = judge_share(FIVE, BlockCounts(1.0, [0, 0], [0, 0]))
    assert judged.verdict is Verdict.NO_DATA
    assert judged.bad_share is None
    assert not judged.point_estimate_passes
    assert judge_share(FIVE, BlockCounts(1.0, [], [])).verdict is Verdict.NO_DATA


def test_a_share_well_over_the_allowed_one_is_missed() -> None:
    judged = judge_share(FIVE, evenly(60, 50, dict.fromkeys(range(0, 60, 2), 10)))
    assert judged.verdict is Verdict.MISSED
    assert judged.bad_share == pytest.approx(0.1)
    assert judged.lower > 0.05


def test_a_point_estimate_that_passes_is_not_enough_to_be_met() -> None:
    judged = judge_share(FIVE, evenly(60, 1, {10: 1, 30: 1}))
    assert judged.point_estimate_passes
    assert judged.verdict is Verdict.INCONCLUSIVE


def test_the_point_estimate_is_compared_exactly() -> None:
    assert judge_share(Fraction(3, 10), BlockCounts(1.0, [7], [3])).point_estimate_passes
    assert not judge_share(Fraction(3, 10) - Fraction(1, 10**30), BlockCounts(1.0, [7], [3])).point_estimate_passes


def test_the_bounds_are_those_of_clopper_and_pearson() -> None:
    # One failure in 93 is the textbook limit of 5 %: P(at most 1 of 93 | 0.05) is just under 0.05, of 92 just over.
    assert float(upper_bound(1, 93, confidence=0.95)) < 0.05 < float(upper_bound(1, 92, confidence=0.95))
    assert float(lower_bound(1, 100, confidence=0.95)) == pytest.approx(1 - 0.95 ** (1 / 100))
    assert float(lower_bound(0, 100, confidence=0.95)) == 0.0
    assert float(upper_bound(100, 100, confidence=0.95)) == 1.0


def test_arrivals_that_were_never_sent_count_as_bad_for_met_and_as_good_for_missed() -> None:
    clean = evenly(10, 10)
    assert judge_share(FIVE, clean).verdict is Verdict.MET
    judged = judge_share(FIVE, clean, unsent=50)
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.lower == 0.0
    assert judged.upper > 50 / 150
    assert (judged.total, judged.unsent, judged.bad_share) == (100, 50, 0.0)


def test_one_burst_of_failures_tells_as_much_as_one_failure() -> None:
    one_burst = judge_share(FIVE, evenly(600, 50, {100: 20, 101: 30}))
    assert one_burst.dispersion == pytest.approx(50, rel=0.02)
    assert one_burst.effective_total == pytest.approx(600, rel=0.02)


def test_a_burst_is_measured_the_same_wherever_it_falls_against_the_edges_of_blocks() -> None:
    shares = [(50, 0), (40, 10), (25, 25), (5, 45)]
    spreads = [
        judge_share(
            FIVE, evenly(600, 50, {at + step: part[step] for at in (100, 300, 500) for step in (0, 1)})
        ).dispersion
        for part in shares
    ]
    assert spreads == pytest.approx([50, 50, 50, 50], rel=0.02)


def test_failures_spread_evenly_have_no_dispersion() -> None:
    judged = judge_share(FIVE, evenly(600, 50, dict.fromkeys(range(0, 600, 4), 1)))
    assert judged.dispersion == 1.0
    assert (
        judged.assumption
        == "failures of different blocks look independent; bursts longer than 31 s could not be measured"
    )


def test_failures_of_a_run_too_short_to_measure_bursts_count_as_one_burst() -> None:
    judged = judge_share(FIVE, BlockCounts(1.0, [98, 98, 98, 98], [2, 2, 2, 2]))
    assert judged.dispersion == 8.0
    assert judged.verdict is Verdict.INCONCLUSIVE


def test_a_clean_short_run_says_what_it_could_not_have_seen() -> None:
    judged = judge_share(Fraction(1, 1000), evenly(100, 50))
    assert judged.verdict is Verdict.MET
    assert judged.assumption == (
        "guards against independent failures only: an outage of 1 s every 17 minutes "
        "would have been missed in 9 runs of 10"
    )


def test_a_clean_long_run_says_that_it_would_have_seen_an_outage() -> None:
    judged = judge_share(FIVE, evenly(120, 50))
    assert judged.assumption == "an outage of 1 s every 20 s would have been missed in 1 run of 403"


def test_measured_bursts_are_named_with_what_the_failures_are_worth() -> None:
    judged = judge_share(FIVE, evenly(600, 50, {10: 25, 11: 25, 200: 25, 350: 25, 500: 25}))
    assert judged.assumption.startswith(
        "bounds widened by 34.7: failures came in bursts, 125 of them tell as much as 3.6 independent ones"
    )


def test_too_few_bad_blocks_are_named_as_one_burst() -> None:
    judged = judge_share(FIVE, evenly(40, 50, {7: 3}))
    assert judged.dispersion == pytest.approx(3, rel=1e-3)
    assert judged.assumption == (
        "failures fell into 1 of 40 blocks, too few to measure bursts: neighbouring ones count as one, "
        "bounds widened by 3; "
        "guards against independent failures only: an outage of 1 s every 20 s would have been missed in 1 run of 7"
    )


def test_requests_are_counted_in_the_block_of_their_intended_start() -> None:
    counts = BlockCounts.from_requests([0.0, 0.99, 1.0, 3.5], [True, False, True, False], duration_s=5.0)
    assert counts.good.tolist() == [1, 1, 0, 0, 0]
    assert counts.bad.tolist() == [1, 0, 0, 1, 0]


def test_a_request_outside_the_phase_is_refused() -> None:
    with pytest.raises(ValueError, match="outside the phase"):
        BlockCounts.from_requests([5.0], [True], duration_s=5.0)


@pytest.mark.parametrize(("good", "bad"), [([1], [1, 2]), ([-1], [0]), ([0.5], [0])])
def test_counts_that_are_no_counts_are_refused(good: list[float], bad: list[float]) -> None:
    with pytest.raises(ValueError, match="counts"):
        BlockCounts(1.0, good, bad)


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.9999, "more than 99 runs of 100"),
        (0.97, "97 runs of 100"),
        (0.905, "9 runs of 10"),
        (0.75, "3 runs of 4"),
        (0.5, "1 run of 2"),
        (0.05, "1 run of 20"),
        (0.0001, "fewer than 1 run of 1,000"),
    ],
)
def test_a_probability_is_said_as_runs_out_of_runs(probability: float, words: str) -> None:
    assert runs_words(probability) == words


def test_a_duration_is_said_in_the_unit_a_person_would_choose() -> None:
    assert [duration_words(seconds) for seconds in (1, 20, 1000, 10_000)] == ["1 s", "20 s", "17 minutes", "3 hours"]


def test_the_bad_requests_tolerated_are_the_most_that_still_exclude_the_limit() -> None:
    assert most_bad_tolerated(FIVE, 58, confidence=0.95) is None
    assert most_bad_tolerated(FIVE, 59, confidence=0.95) == 0
    assert most_bad_tolerated(FIVE, 93, confidence=0.95) == 1
    assert most_bad_tolerated(FIVE, 0, confidence=0.95) is None


def test_one_violation_of_an_invariant_is_missed_even_when_the_accounting_is_incomplete() -> None:
    assert judge_invariant(1, accounting_complete=False, total=1_000_000).verdict is Verdict.MISSED


def test_an_invariant_is_met_only_with_complete_accounting() -> None:
    assert judge_invariant(0, accounting_complete=True, total=3000).verdict is Verdict.MET
    assert judge_invariant(0, accounting_complete=False, total=3000).verdict is Verdict.INCONCLUSIVE


def test_an_invariant_without_requests_has_no_data() -> None:
    assert judge_invariant(0, accounting_complete=True, total=0).verdict is Verdict.NO_DATA


def test_a_met_invariant_says_what_it_could_not_have_seen() -> None:
    judged = judge_invariant(0, accounting_complete=True, total=2995)
    assert judged.undetected_share == pytest.approx(0.001, rel=1e-3)
    assert "fewer than 1 in 1,000" in judged.assumption


def test_more_violations_than_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="violations"):
        judge_invariant(2, accounting_complete=True, total=1)
