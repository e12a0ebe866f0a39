"""How many replicas a rate needs, from capacities measured at a few numbers of them."""

from __future__ import annotations

from math import inf, isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.scalability import Linear, Point, Universal, scaling


def rate(replicas: float, gamma: float = 100.0, alpha: float = 0.05, beta: float = 0.002) -> float:
    return gamma * replicas / (1 + alpha * (replicas - 1) + beta * replicas * (replicas - 1))


def points(*rates: float, width: float = 0.02) -> list[Point]:
    return [Point(n, x * (1 - width), x * (1 + width)) for n, x in enumerate(rates, 1)]


def fitted(given: list[Point]) -> Universal:
    curve = scaling(given, seed=1)
    assert isinstance(curve, Universal)
    return curve


def test_known_parameters_are_recovered_and_lie_in_their_intervals() -> None:
    curve = fitted([Point(n, rate(n) * 0.97, rate(n) * 1.03) for n in (1, 2, 4, 8, 16)])
    for estimate, truth in ((curve.gamma, 100.0), (curve.alpha, 0.05), (curve.beta, 0.002)):
        assert estimate.value == pytest.approx(truth, rel=0.01)
        assert estimate.lower < truth < estimate.upper
    assert curve.peak_replicas.value == pytest.approx((0.95 / 0.002) ** 0.5, rel=0.01)
    assert curve.peak_rate.lower < rate(21.8) < curve.peak_rate.upper


@settings(deadline=None, max_examples=25)
@given(
    gamma=st.floats(1.0, 1000.0),
    alpha=st.floats(0.0, 0.9),
    beta=st.floats(0.0, 0.1),
    replicas=st.integers(1, 40),
)
def test_the_replicas_for_a_rate_are_the_fewest_that_reach_it(
    gamma: float, alpha: float, beta: float, replicas: int
) -> None:
    curve = scaling([Point(n, x, x) for n in (1, 2, 3, 5, 8) if (x := rate(n, gamma, alpha, beta))], seed=1)
    wanted = rate(replicas, gamma, alpha, beta) * 0.999
    needed = curve.replicas_for(wanted).likely
    assert needed is not None
    assert curve.rate(needed) >= wanted * (1 - 1e-6)
    assert needed == 1 or curve.rate(needed - 1) < wanted


def test_a_rate_beyond_the_peak_cannot_be_reached_and_the_words_say_where_the_peak_is() -> None:
    needed = fitted([Point(n, rate(n), rate(n)) for n in (1, 2, 4, 8)]).replicas_for(2000.0)
    assert needed.likely is None
    assert needed.most is None
    assert needed.sentence.startswith("cannot be reached: the curve peaks at 739.8 a second, at 21.8 of them")


def test_wider_points_make_the_number_of_replicas_less_certain() -> None:
    narrow, wide = (
        fitted([Point(n, rate(n) * (1 - w), rate(n) * (1 + w)) for n in (1, 2, 4, 8)]).replicas_for(500.0)
        for w in (0.005, 0.05)
    )
    assert narrow.least is not None
    assert wide.least is not None
    assert wide.least <= narrow.least <= 7 <= (narrow.most or inf) <= (wide.most or inf)
    assert (wide.most or inf) - wide.least > (narrow.most or inf) - narrow.least


def test_points_that_scatter_about_the_curve_widen_it_beyond_their_own_intervals() -> None:
    off = (1.0, 0.93, 1.06, 0.95, 1.03)
    exact = [Point(n, rate(n), rate(n)) for n in (1, 2, 4, 8, 12)]
    scattered = [Point(one.replicas, one.lower * by, one.upper * by) for one, by in zip(exact, off, strict=True)]
    smooth, rough = fitted(exact).gamma, fitted(scattered).gamma
    assert smooth.upper - smooth.lower < 1e-6
    assert rough.upper - rough.lower > 3


def test_the_same_seed_gives_the_same_curve() -> None:
    given = points(100.0, 180.0, 240.0, 280.0)
    assert scaling(given, seed=3).replicas_for(250.0) == scaling(given, seed=3).replicas_for(250.0)


def test_points_on_a_line_have_no_peak() -> None:
    curve = fitted(points(100.0, 200.0, 300.0, width=0.0))
    assert not isfinite(curve.peak_replicas.value)
    assert "linear as far as measured" in curve.sentence
    needed = curve.replicas_for(2000.0)
    assert needed.likely == 20
    assert "far beyond the 3 measured" in needed.sentence


def test_more_than_a_line_is_taken_for_a_line() -> None:
    curve = fitted(points(100.0, 210.0, 330.0))
    assert curve.alpha.value == pytest.approx(0.0, abs=1e-9)
    assert "linear" in curve.sentence


def test_flat_points_say_that_a_further_replica_adds_nothing() -> None:
    curve = fitted(points(100.0, 100.0, 100.0, width=0.0))
    assert curve.sentence == "flat: a further replica adds nothing"
    assert curve.replicas_for(150.0).sentence.startswith("cannot be reached")
    assert curve.replicas_for(90.0).likely == 1


def test_points_that_fall_say_that_a_second_replica_harms() -> None:
    assert "a second replica already takes more" in fitted(points(100.0, 90.0, 80.0)).sentence


def test_contention_alone_has_a_ceiling_and_no_peak() -> None:
    curve = fitted([Point(n, x, x) for n in (1, 2, 4) if (x := rate(n, beta=0.0, alpha=0.1))])
    assert "never pass 1000 a second" in curve.sentence
    assert "however many there are" in curve.replicas_for(2000.0).sentence


def test_one_point_gives_a_lower_bound_and_says_what_it_assumes() -> None:
    line = scaling([Point(1, 78.0, 82.0)], seed=1)
    assert isinstance(line, Linear)
    assert "only one number of replicas" in line.sentence
    needed = line.replicas_for(500.0)
    assert needed.is_lower_bound
    assert (needed.least, needed.likely, needed.most) == (7, 7, 7)
    assert needed.sentence.startswith("at least 7, if every further replica")
    assert line.replicas_for(80.0).sentence.startswith("at least 1 to 2")


def test_two_points_give_a_lower_bound_from_the_one_with_more_replicas() -> None:
    line = scaling([Point(1, 100.0, 100.0), Point(2, 150.0, 150.0), Point(2, 148.0, 152.0)], seed=1)
    assert isinstance(line, Linear)
    assert "two numbers of replicas" in line.sentence
    assert line.replicas_for(2000.0).likely == 27


def test_a_curve_without_any_point_is_refused() -> None:
    with pytest.raises(ValueError, match="no point"):
        scaling([], seed=1)


@pytest.mark.parametrize("wrong", [(0, 1.0, 2.0), (1, 0.0, 2.0), (1, 3.0, 2.0), (1, 1.0, inf)])
def test_a_point_that_cannot_be_is_refused(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError, match="a point has one replica or more"):
        Point(*wrong)
