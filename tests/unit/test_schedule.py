"""When requests start: open model, seeded, split among workers without a change."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.plan import Phases, RunPlan, Sessions
from loadgen.schedule import build, of_plan

RATES = {"health": 20.0, "message": 30.0}


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another() -> None:
    first, again, other = (build(RATES, 30, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.offset_ns, again.offset_ns)
    assert len(first) != len(other) or not np.array_equal(first.offset_ns, other.offset_ns)


def test_arrivals_are_in_order_and_within_the_run() -> None:
    schedule = build(RATES, 30, seed=3)
    assert np.all(np.diff(schedule.offset_ns) >= 0)
    assert schedule.offset_ns[0] >= 0 and schedule.offset_ns[-1] < 30e9


def test_poisson_gaps_have_the_spread_of_an_exponential() -> None:
    gaps = np.diff(build({"health": 200.0}, 100, seed=4).offset_ns)
    assert np.std(gaps) / np.mean(gaps) == pytest.approx(1.0, abs=0.03)
    assert len(gaps) == pytest.approx(20_000, rel=0.03)


def test_a_constant_grid_has_equal_gaps_and_exactly_the_rate() -> None:
    schedule = build({"health": 500.0}, 20, seed=5, arrivals="constant")
    assert len(schedule) == 10_000
    assert np.ptp(np.diff(schedule.offset_ns)) <= 2


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_the_shares_of_all_workers_are_together_the_whole_schedule(workers: int) -> None:
    whole = build(RATES, 30, seed=6)
    numbers = np.concatenate([whole.share(worker, workers).number for worker in range(workers)])
    assert sorted(numbers.tolist()) == list(range(len(whole)))


def test_adding_a_scenario_leaves_the_arrivals_of_the_others_as_they_were() -> None:
    alone = build({"health": 20.0}, 30, seed=7)
    beside = build(RATES, 30, seed=7)
    assert np.array_equal(alone.offset_ns, beside.offset_ns[beside.scenario == beside.scenarios.index("health")])


def test_a_scenario_without_a_rate_does_not_arrive() -> None:
    assert build({"health": 0.0, "message": 5.0}, 10, seed=8).scenarios == ("message",)


def test_a_session_arrives_once_for_all_its_turns() -> None:
    plan = RunPlan("r", "/nowhere", 1, {"health": 30.0, "message": 30.0}, Phases(0, 100), sessions=Sessions(turns=3))
    schedule = of_plan(plan)
    of = {name: int(np.count_nonzero(schedule.scenario == code)) for code, name in enumerate(schedule.scenarios)}
    assert of["health"] == pytest.approx(3000, rel=0.06)
    assert of["message"] == pytest.approx(1000, rel=0.1)


def test_phases_follow_each_other_and_empty_ones_are_left_out() -> None:
    phases = Phases(warmup_s=5, steady_s=60, drill_s=0, recovery_s=15)
    assert phases.bounds_s == {"warmup": (0, 5), "steady": (5, 65), "recovery": (65, 80)}
    assert [phases.phase_at(at) for at in (0, 5, 64.9, 65, 80)] == ["warmup", "steady", "steady", "recovery", "drain"]


@pytest.mark.parametrize("lengths", [{"warmup_s": -1, "steady_s": 1}, {"warmup_s": 0, "steady_s": 0}])
def test_phases_without_a_steady_state_or_with_negative_lengths_are_refused(lengths: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="phase lengths"):
        Phases(**lengths)


def test_a_plan_survives_being_written_and_read() -> None:
    plan = RunPlan("r", "/nowhere", 9, RATES, Phases(5, 60, 10, 15), agents=("agent-1", "agent-2"))
    assert RunPlan.from_dict(plan.to_dict()) == plan
