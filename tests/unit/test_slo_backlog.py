"""Whether the work that a target has not done yet grew."""

from __future__ import annotations

import numpy as np
import pytest

from slo.backlog import Growth, backlog, in_flight_at


def test_what_is_in_flight_is_what_arrived_and_has_not_ended() -> None:
    seen = in_flight_at([0.0, 1.0, 2.0, 3.0], [1.5, 9.0, 2.5, 3.5], [0.5, 1.2, 2.2, 4.0, 10.0])
    assert seen.tolist() == [1.0, 2.0, 2.0, 1.0, 0.0]


def test_work_that_piles_up_by_more_than_two_per_cent_of_what_arrives_is_a_growing_backlog() -> None:
    noise = np.random.default_rng(1).normal(0.0, 2.0, 60)
    seen = backlog(4.0 * np.arange(60) + noise, block_s=1.0, arrivals_per_s=84.0)
    assert seen.growth is Growth.GROWING
    assert seen.slope_per_s == pytest.approx(4.0, abs=0.2)
    assert seen.share == pytest.approx(4.0 / 84.0, abs=0.005)
    assert "was left over" in seen.sentence


def test_a_slope_that_is_small_against_the_arrivals_is_no_growth_however_certain_it_is() -> None:
    seen = backlog(10 + 0.05 * np.arange(60), block_s=1.0, arrivals_per_s=80.0)
    assert seen.lower is not None
    assert seen.lower > 0
    assert seen.growth is Growth.NONE


def test_a_slope_between_one_and_two_per_cent_is_doubtful() -> None:
    seen = backlog(10 + 1.2 * np.arange(60), block_s=1.0, arrivals_per_s=80.0)
    assert seen.growth is Growth.DOUBTFUL
    assert "too little to be sure" in seen.sentence


def test_the_noise_of_a_few_requests_is_no_growth() -> None:
    random = np.random.default_rng(5)
    grows = [
        backlog(random.poisson(3.0, 60), block_s=1.0, arrivals_per_s=3.0).growth is not Growth.NONE for _ in range(200)
    ]
    assert sum(grows) <= 4  # 0.5 % on one side of a 99 % interval, and chance


def test_a_step_too_short_for_a_slope_says_so() -> None:
    seen = backlog([1.0, 2.0, 3.0], block_s=1.0, arrivals_per_s=10.0)
    assert seen.growth is Growth.UNKNOWN
    assert "too few blocks" in seen.sentence
