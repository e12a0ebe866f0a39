"""How often the interval of a search holds a capacity that is known, over seeded simulations."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from slo.backlog import Growth, backlog, in_flight_at
from slo.search import Outcome, Rules, Step, found, next_try
from slo.share import BlockCounts, judge_share
from slo.verdict import Verdict
from tests.made_steps import departures_s

ALLOWED = Fraction(1, 20)
STEP_S = 60.0


def start_of(random: np.random.Generator) -> float:
    return float(np.exp(random.uniform(np.log(5.0), np.log(30.0))))


def test_where_chance_makes_requests_bad_the_interval_holds_the_capacity_in_at_least_95_of_100_searches() -> None:
    """The bad share rises with a power of the rate, and passes what is allowed at the capacity."""
    random = np.random.default_rng(20260115)
    held = 0
    for _ in range(200):
        capacity, steepness = random.uniform(40.0, 120.0), random.choice([3.0, 8.0, 25.0])

        def outcome(rate: float, seconds: float, capacity: float = capacity, power: float = steepness) -> Outcome:
            total = random.poisson(rate * seconds / 60, 60)
            bad = random.binomial(total, min(1.0, float(ALLOWED) * (rate / capacity) ** power))
            verdict = judge_share(ALLOWED, BlockCounts(seconds / 60, total - bad, bad)).verdict
            return {Verdict.MET: Outcome.MET, Verdict.MISSED: Outcome.NOT_MET}.get(verdict, Outcome.UNDECIDED)

        rules, steps = Rules(start_of(random), 1000.0), list[Step]()
        while (wanted := next_try(rules, steps)) is not None:
            steps.append(Step(wanted.rate, outcome(wanted.rate, STEP_S * (2 if wanted.is_repeat else 1))))
        result = found(rules, steps)
        held += result.met is not None and result.not_met is not None and result.met <= capacity <= result.not_met
    assert held >= 190


def test_a_queue_that_answers_80_a_second_is_found_to_do_so_in_at_least_95_of_100_searches() -> None:
    random = np.random.default_rng(7)
    held, near = 0, 0
    for _ in range(60):
        steps, rates = list[Step](), dict[float, tuple[float, float]]()
        rules = Rules(start_of(random), 1000.0)
        while (wanted := next_try(rules, steps)) is not None:
            seconds = STEP_S * (2 if wanted.is_repeat else 1)
            outcome, arrived, completed = one_step(wanted.rate, seconds, random)
            steps.append(Step(wanted.rate, outcome))
            rates[wanted.rate] = arrived, completed
        result = found(rules, steps)
        assert result.met is not None
        assert result.not_met is not None
        low, high = min(rates[result.met]), max(result.not_met, rates[result.not_met][0])
        held += low <= 80 <= high
        near += abs((low * high) ** 0.5 / 80 - 1) <= 0.05
    assert held >= 57
    assert near >= 57


def one_step(rate: float, seconds: float, random: np.random.Generator) -> tuple[Outcome, float, float]:
    """Return the outcome of a step on a queue with 4 servers of 50 ms, and what arrived and was completed a second."""
    whole_s = 5.0 + seconds
    came_s = np.sort(random.uniform(0.0, whole_s, random.poisson(rate * whole_s)))
    left_s = departures_s(came_s, servers=4, service_s=0.05)
    is_steady = came_s >= 5.0
    good = (left_s - came_s)[is_steady] < 2.0
    judged = judge_share(ALLOWED, BlockCounts.from_requests(came_s[is_steady] - 5.0, good, duration_s=seconds))
    arrived = float(np.count_nonzero(is_steady)) / seconds
    completed = float(np.count_nonzero((left_s >= 5.0) & (left_s < whole_s))) / seconds
    moments = np.arange(5.0, whole_s) + 0.5
    seen = backlog(in_flight_at(came_s, left_s, moments), block_s=1.0, arrivals_per_s=arrived)
    if judged.verdict is Verdict.MISSED or seen.growth is Growth.GROWING:
        return Outcome.NOT_MET, arrived, completed
    is_met = judged.verdict is Verdict.MET and seen.growth is Growth.NONE
    return (Outcome.MET if is_met else Outcome.UNDECIDED), arrived, completed
