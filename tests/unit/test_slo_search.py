"""How the highest rate at which everything is met is searched, step by step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.search import Ending, Found, Outcome, Rules, Step, Try, found, next_try

MET, NOT_MET, UNDECIDED, INVALID = Outcome.MET, Outcome.NOT_MET, Outcome.UNDECIDED, Outcome.INVALID
TOO_FEW_AGENTS = Outcome.TOO_FEW_AGENTS
RULES = Rules(start=10.0, highest=1000.0, resolution=0.05, most_steps=30)


def searched(target: Callable[[float], Outcome], rules: Rules = RULES) -> tuple[Found, list[Step]]:
    steps: list[Step] = []
    while (wanted := next_try(rules, steps)) is not None:
        steps.append(Step(wanted.rate, target(wanted.rate)))
    return found(rules, steps), steps


def below(capacity: float) -> Callable[[float], Outcome]:
    return lambda rate: MET if rate <= capacity else NOT_MET


def test_the_rate_doubles_until_it_is_not_met_and_then_the_distance_is_halved() -> None:
    _, steps = searched(below(79.0))
    rates = [step.rate for step in steps]
    assert rates[:4] == [10.0, 20.0, 40.0, 80.0]
    assert rates[4] == pytest.approx((40 * 80) ** 0.5)
    assert rates[5] == pytest.approx((rates[4] * 80) ** 0.5)


@given(capacity=st.floats(10.0, 990.0), resolution=st.floats(0.01, 0.5))
def test_the_interval_holds_the_capacity_and_is_as_narrow_as_asked(capacity: float, resolution: float) -> None:
    result, steps = searched(below(capacity), Rules(10.0, 1000.0, resolution=resolution, most_steps=50))
    assert result.ending is Ending.INTERVAL
    assert result.met is not None
    assert result.not_met is not None
    assert result.met <= capacity < result.not_met <= result.met * (1 + resolution) * (1 + 1e-9)
    assert result.is_fine
    assert len({step.rate for step in steps}) == len(steps)


@given(
    outcomes=st.lists(st.sampled_from(list(Outcome)), max_size=40),
    start=st.floats(0.5, 500.0),
)
def test_whatever_comes_of_the_steps_no_rate_is_tried_above_one_that_is_not_met(
    outcomes: list[Outcome], start: float
) -> None:
    rules = Rules(start, 1000.0, most_steps=40)
    steps: list[Step] = []
    for outcome in outcomes:
        wanted = next_try(rules, steps)
        if wanted is None:
            break
        assert wanted.rate <= rules.highest
        assert wanted.rate < min([step.rate for step in steps if step.outcome is NOT_MET], default=np.inf)
        assert sum(step.rate == wanted.rate for step in steps) <= 1
        steps.append(Step(wanted.rate, outcome))
    result = found(rules, steps)
    if result.met is not None and result.not_met is not None:
        assert result.met < result.not_met


def test_a_rate_about_which_nothing_was_decided_is_tried_once_more() -> None:
    steps = [Step(10.0, MET), Step(20.0, UNDECIDED)]
    assert next_try(RULES, steps) == Try(20.0, is_repeat=True)
    assert next_try(RULES, [*steps, Step(20.0, UNDECIDED)]) == Try(40.0)


def test_a_step_that_may_not_be_longer_is_not_tried_again() -> None:
    assert next_try(RULES, [Step(10.0, MET), Step(20.0, UNDECIDED, is_final=True)]) == Try(40.0)


def test_the_last_attempt_at_a_rate_counts() -> None:
    result = found(RULES, [Step(10.0, MET), Step(20.0, UNDECIDED), Step(20.0, MET), Step(40.0, NOT_MET)])
    assert (result.met, result.not_met, result.undecided) == (20.0, 40.0, ())


def test_rates_that_cannot_be_decided_stay_inside_the_interval_and_both_ends_move_towards_them() -> None:
    def target(rate: float) -> Outcome:
        return MET if rate < 70 else NOT_MET if rate > 90 else UNDECIDED

    result, _ = searched(target)
    assert result.ending is Ending.INTERVAL
    assert result.met is not None
    assert result.not_met is not None
    assert 70 / 1.05 < result.met < 70
    assert 90 < result.not_met < 90 * 1.05
    assert not result.is_fine
    assert all(70 <= rate <= 90 for rate in result.undecided)


def test_a_generator_that_cannot_go_on_ends_the_ramp_and_the_capacity_is_at_least_what_was_met() -> None:
    result, steps = searched(lambda rate: MET if rate <= 300 else INVALID)
    assert result.ending is Ending.GENERATOR
    assert result.not_met is None
    assert result.met is not None
    assert 300 / 1.05 < result.met <= 300
    assert max(step.rate for step in steps) == 320


def test_a_rate_that_is_not_met_below_where_the_generator_ends_is_still_found() -> None:
    result, _ = searched(lambda rate: MET if rate <= 200 else NOT_MET if rate <= 300 else INVALID)
    assert result.ending is Ending.INTERVAL
    assert result.met is not None
    assert result.not_met is not None
    assert result.met <= 200 < result.not_met


def test_an_invalid_step_that_is_met_when_it_is_tried_again_was_a_passing_disturbance() -> None:
    steps = [Step(10.0, MET), Step(20.0, INVALID)]
    assert next_try(RULES, steps) == Try(20.0, is_repeat=True)
    assert next_try(RULES, [*steps, Step(20.0, MET)]) == Try(40.0)


def test_a_rate_for_which_there_were_too_few_agents_ends_the_ramp_at_once() -> None:
    result, steps = searched(lambda rate: MET if rate <= 200 else TOO_FEW_AGENTS)
    assert result.ending is Ending.AGENTS
    assert result.met is not None
    assert 200 / 1.05 < result.met <= 200
    assert max(step.rate for step in steps) == 320
    assert len({step.rate for step in steps}) == len(steps)  # to try longer would show the same
    assert searched(lambda _rate: TOO_FEW_AGENTS)[0].ending is Ending.NOTHING


def test_a_first_rate_that_is_not_met_ends_the_search() -> None:
    result, steps = searched(lambda _rate: NOT_MET)
    assert (result.ending, len(steps)) == (Ending.START_MISSED, 1)


def test_a_first_rate_that_cannot_be_sent_ends_the_search() -> None:
    result, steps = searched(lambda _rate: INVALID)
    assert (result.ending, len(steps)) == (Ending.START_INVALID, 2)


def test_a_target_that_meets_every_rate_that_may_be_tried_is_known_from_below_only() -> None:
    result, steps = searched(below(5000.0))
    assert (result.ending, result.met) == (Ending.HIGHEST, 1000.0)
    assert steps[-1].rate == 1000.0


def test_nothing_is_claimed_when_nothing_was_decided() -> None:
    result, _ = searched(lambda _rate: UNDECIDED)
    assert (result.ending, result.met, result.not_met) == (Ending.NOTHING, None, None)


def test_a_rate_that_is_met_below_rates_about_which_nobody_knows_leaves_the_capacity_open_above() -> None:
    result, _ = searched(lambda rate: MET if rate <= 20 else UNDECIDED)
    assert (result.ending, result.not_met) == (Ending.OPEN, None)
    assert result.met is not None
    assert result.met >= 20


def test_a_search_takes_no_more_steps_than_it_may() -> None:
    result, steps = searched(below(79.0), Rules(10.0, 1000.0, resolution=0.01, most_steps=5))
    assert len(steps) == 5
    assert not result.is_fine


@pytest.mark.parametrize(
    "wrong", [{"start": 0.0}, {"highest": 5.0}, {"resolution": 0.0}, {"factor": 1.0}, {"most_steps": 0}]
)
def test_rules_that_no_search_can_follow_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="start and highest rate"):
        Rules(**({"start": 10.0, "highest": 100.0} | wrong))  # type: ignore[arg-type]  # one of them is wrong on purpose
