"""What holds for every judgement of a share."""

from fractions import Fraction

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from slo.binomial import lower_bound, most_bad_tolerated, samples_to_meet, upper_bound
from slo.dispersion import measure
from slo.percentile import percentile_interval
from slo.share import BlockCounts, judge_share
from slo.verdict import Verdict

ALLOWED = st.fractions(Fraction(1, 10_000), Fraction(1, 2), max_denominator=10_000)
BLOCKS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=80)
WIDENING = st.tuples(st.floats(1, 100), st.floats(1, 5)).map(lambda pair: (pair[0], pair[0] * pair[1]))
RANK = {Verdict.MET: 2, Verdict.INCONCLUSIVE: 1, Verdict.NO_DATA: 1, Verdict.MISSED: 0}


def counts(blocks: list[tuple[int, int]]) -> BlockCounts:
    return BlockCounts(1.0, [good for good, _ in blocks], [bad for _, bad in blocks])


@given(st.integers(1, 5000), st.data(), WIDENING)
def test_one_more_bad_request_never_lowers_a_bound_at_the_same_dispersion(
    total: int, data: st.DataObject, widening: tuple[float, float]
) -> None:
    bad = data.draw(st.integers(0, total - 1))
    for bound in (upper_bound, lower_bound):
        here, more = (
            float(bound(count, total, confidence=0.95, dispersion=widening[0], burst=widening[1]))
            for count in (bad, bad + 1)
        )
        assert here <= more + 1e-12


@given(st.integers(1, 5000), st.data(), WIDENING)
def test_one_more_good_request_never_raises_a_bound_at_the_same_dispersion(
    total: int, data: st.DataObject, widening: tuple[float, float]
) -> None:
    bad = data.draw(st.integers(0, total))
    for bound in (upper_bound, lower_bound):
        here, more = (
            float(bound(bad, count, confidence=0.95, dispersion=widening[0], burst=widening[1]))
            for count in (total, total + 1)
        )
        assert more <= here + 1e-12


@given(st.integers(1, 5000), st.data(), WIDENING)
def test_dispersion_and_bursts_only_widen(total: int, data: st.DataObject, widening: tuple[float, float]) -> None:
    bad = data.draw(st.integers(0, total))
    dispersion, burst = widening
    assert (
        upper_bound(bad, total, confidence=0.95)
        <= upper_bound(bad, total, confidence=0.95, dispersion=dispersion, burst=burst) + 1e-12
    )
    assert lower_bound(bad, total, confidence=0.95) >= (
        lower_bound(bad, total, confidence=0.95, dispersion=dispersion, burst=burst) - 1e-12
    )


@given(ALLOWED, BLOCKS)
def test_the_bounds_bracket_the_measured_share(allowed: Fraction, blocks: list[tuple[int, int]]) -> None:
    judged = judge_share(allowed, counts(blocks))
    assume(judged.bad_share is not None)
    assert judged.bad_share is not None
    assert 0 <= judged.lower <= judged.bad_share <= judged.upper <= 1


@given(ALLOWED, BLOCKS)
def test_a_verdict_of_met_or_missed_never_contradicts_the_measured_share(
    allowed: Fraction, blocks: list[tuple[int, int]]
) -> None:
    judged = judge_share(allowed, counts(blocks))
    if judged.verdict is Verdict.MET:
        assert judged.point_estimate_passes
    if judged.verdict is Verdict.MISSED:
        assert not judged.point_estimate_passes


@given(ALLOWED, BLOCKS, st.integers(0, 200))
def test_arrivals_that_were_never_sent_only_make_a_verdict_less_certain(
    allowed: Fraction, blocks: list[tuple[int, int]], unsent: int
) -> None:
    without, with_unsent = (judge_share(allowed, counts(blocks), unsent=number) for number in (0, unsent))
    assert with_unsent.lower <= without.lower
    assert with_unsent.upper >= without.upper
    if with_unsent.verdict is not Verdict.INCONCLUSIVE:
        assert with_unsent.verdict is without.verdict


@given(ALLOWED, BLOCKS, st.floats(0.5, 0.9))
def test_less_confidence_never_turns_a_decision_around(
    allowed: Fraction, blocks: list[tuple[int, int]], confidence: float
) -> None:
    strict, loose = (judge_share(allowed, counts(blocks), confidence=level) for level in (0.95, confidence))
    assert abs(RANK[strict.verdict] - RANK[loose.verdict]) <= 1


@given(BLOCKS)
def test_a_dispersion_is_never_below_one_nor_above_the_failures_of_the_run_by_much(
    blocks: list[tuple[int, int]],
) -> None:
    pair = counts(blocks)
    found = measure(pair.good + pair.bad, pair.bad)
    assert 1 <= found.value <= found.burst
    assert np.isfinite(found.burst)


@given(BLOCKS)
def test_time_run_backwards_has_the_same_dispersion(blocks: list[tuple[int, int]]) -> None:
    forwards, backwards = counts(blocks), counts(blocks[::-1])
    here = measure(forwards.good + forwards.bad, forwards.bad)
    there = measure(backwards.good + backwards.bad, backwards.bad)
    assert np.isclose(here.value, there.value)
    assert np.isclose(here.burst, there.burst)


@given(ALLOWED, st.integers(0, 30))
def test_the_samples_to_meet_and_the_failures_tolerated_are_inverse(allowed: Fraction, bad: int) -> None:
    fewest = samples_to_meet(allowed, bad, confidence=0.95)
    assert most_bad_tolerated(allowed, fewest, confidence=0.95) == bad
    tolerated = most_bad_tolerated(allowed, fewest - 1, confidence=0.95)
    assert tolerated is None if bad == 0 else tolerated == bad - 1


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=200),
    st.fractions(Fraction(1, 100), Fraction(99, 100)),
    st.booleans(),
)
def test_the_interval_of_a_percentile_holds_the_percentile(values: list[float], q: Fraction, with_blocks: bool) -> None:
    blocks = np.arange(len(values)) // 3 if with_blocks else None
    found = percentile_interval(values, q, blocks)
    assert found.value in values
    assert found.lower is None or found.lower <= found.value
    assert found.upper is None or found.upper >= found.value
