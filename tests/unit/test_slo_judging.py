"""Verdicts of runs, percentiles, plans, validity of runs, saturation."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from slo.errors import UnknownObjectiveError
from slo.objective import Catalogue, Kind, Location, Measure, Objective, Phase, SampleFilter
from slo.percentile import fewest_values, percentile_interval
from slo.plan import TokenPrices, TokensPerRequest, plan
from slo.power import planned_samples
from slo.saturation import saturation
from slo.validity import ReasonCode, RunFacts, invalid_reasons
from slo.verdict import Verdict, combine

LATENCY = Objective(
    name="latency",
    title="Latency",
    service="letta-api",
    kind=Kind.SHARE,
    target=Fraction(19, 20),
    samples=SampleFilter(frozenset({"message"}), frozenset({Phase.STEADY}), Measure.RESPONSE_TIME, Fraction(2)),
    good_query="good",
    total_query="total",
    period=timedelta(days=28),
    description="",
    source="",
    origin=Location("a.yaml", 1),
)
NONE_LOST = Objective(
    name="none-lost",
    title="None lost",
    service="letta-bridge",
    kind=Kind.INVARIANT,
    target=None,
    samples=SampleFilter(frozenset({"bridge"}), frozenset(Phase), Measure.NONE, None),
    good_query=None,
    bad_query="lost",
    total_query="total",
    period=timedelta(days=28),
    description="",
    source="",
    origin=Location("a.yaml", 2),
)
VALID = RunFacts(
    intended=1000,
    started=1000,
    dropped=0,
    no_free_agent=0,
    lag_p99_s=0.01,
    workers_expected=2,
    workers_finished=2,
    generator_busy_share=0.2,
    machine_busy_share=0.3,
    steal_share=0.0,
)


def facts(**changes: float | None) -> RunFacts:
    values = {name: getattr(VALID, name) for name in VALID.__dataclass_fields__}
    return RunFacts(**(values | changes))


@pytest.mark.parametrize(
    ("verdicts", "run"),
    [
        ([Verdict.MET, Verdict.MET], Verdict.MET),
        ([Verdict.MET, Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE),
        ([Verdict.INCONCLUSIVE, Verdict.NO_DATA], Verdict.NO_DATA),
        ([Verdict.NO_DATA, Verdict.MISSED], Verdict.MISSED),
        ([Verdict.MISSED, Verdict.INVALID_RUN], Verdict.INVALID_RUN),
        ([], Verdict.NO_DATA),
    ],
)
def test_the_verdict_of_a_run_is_the_first_of_its_objectives_in_the_order_of_exit_codes(
    verdicts: list[Verdict], run: Verdict
) -> None:
    assert combine(verdicts) is run


def test_a_response_exactly_at_the_limit_is_bad() -> None:
    assert LATENCY.samples.is_good(error=False, measured_s=1.999)
    assert not LATENCY.samples.is_good(error=False, measured_s=2.0)
    assert not LATENCY.samples.is_good(error=True, measured_s=0.1)
    assert not LATENCY.samples.is_good(error=False, measured_s=None)


def test_availability_asks_only_for_an_answer_without_an_error() -> None:
    assert NONE_LOST.samples.is_good(error=False, measured_s=None)
    assert not NONE_LOST.samples.is_good(error=True, measured_s=None)


def test_a_request_counts_by_its_operation_and_phase() -> None:
    assert LATENCY.samples.counts("message", Phase.STEADY)
    assert not LATENCY.samples.counts("message", Phase.DRILL)
    assert not LATENCY.samples.counts("stream", Phase.STEADY)


def test_the_allowed_bad_share_is_exact() -> None:
    assert LATENCY.allowed_bad_share == Fraction(1, 20)
    assert NONE_LOST.allowed_bad_share == 0


def test_a_filter_with_a_limit_and_nothing_to_hold_against_it_is_refused() -> None:
    with pytest.raises(ValueError, match="both or neither"):
        SampleFilter(frozenset({"message"}), frozenset({Phase.STEADY}), Measure.NONE, Fraction(2))


def test_an_unknown_objective_is_answered_with_the_nearest_name() -> None:
    catalogue = Catalogue((LATENCY, NONE_LOST))
    assert catalogue.objective("latency") is LATENCY
    assert catalogue.of_service("letta-bridge") == (NONE_LOST,)
    with pytest.raises(UnknownObjectiveError, match="did you mean 'latency'"):
        catalogue.objective("latancy")


@pytest.mark.parametrize(("q", "fewest"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368), (0.999, 3688)])
def test_a_percentile_has_an_interval_from_the_fewest_values_on(q: float, fewest: int) -> None:
    assert fewest_values(q) == fewest
    assert not percentile_interval(np.arange(fewest - 1), q).sufficient
    assert percentile_interval(np.arange(fewest), q).sufficient


def test_a_percentile_is_the_nearest_rank() -> None:
    assert percentile_interval([1, 2, 3, 4], 0.5).value == 2
    assert percentile_interval([1, 2, 3, 4], Fraction(3, 4)).value == 3
    assert percentile_interval([1, 2, 3, 4], 0.76).value == 4


def test_the_interval_covers_the_true_percentile_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    for q in (0.5, 0.95):
        runs = [percentile_interval(row, q) for row in rng.uniform(size=(1000, 300))]
        covered = [(run.lower or 0.0) <= q <= (run.upper if run.upper is not None else 1.0) for run in runs]
        assert np.mean(covered) >= 0.94


def test_slow_requests_that_come_in_bursts_widen_the_interval() -> None:
    blocks = np.repeat(np.arange(200), 20)
    values = np.where((blocks % 20 == 3), 3.0, 1.0) + np.arange(blocks.size) / 1e6
    known, unknown = percentile_interval(values, 0.95, blocks), percentile_interval(values, 0.95)
    assert known.effective_count < unknown.effective_count / 10
    assert known.lower is not None
    assert unknown.lower is not None
    assert known.lower < unknown.lower


def test_answers_that_never_came_are_infinitely_slow() -> None:
    values = [*range(95), *([np.inf] * 5)]
    assert percentile_interval(values, 0.95).value == 94
    assert percentile_interval(values, 0.96).value == np.inf


@pytest.mark.parametrize("values", [[], [1.0, float("nan")]])
def test_a_percentile_of_nothing_or_of_no_numbers_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        percentile_interval(values, 0.5)


def test_a_plan_says_what_an_objective_needs_and_whether_the_run_gives_it() -> None:
    short, long = (plan([LATENCY], {"message": 1.2}, {Phase.STEADY: duration}) for duration in (60.0, 600.0))
    entry = short.objectives[0]
    assert (entry.expected_samples, entry.minimum_samples) == (72, 59)
    assert entry.planned_samples == planned_samples(Fraction(1, 20), 1.2)
    assert entry.can_be_met
    assert not short.suffices
    assert entry.most_bad == 0
    assert entry.shortest_duration_s == pytest.approx(542, abs=2)
    assert long.suffices


def test_a_plan_leaves_room_for_bursts_to_be_measured_however_high_the_rate() -> None:
    assert planned_samples(Fraction(1, 20), 500) == 500 * 30


def test_an_objective_whose_operations_are_not_sent_has_no_duration_that_suffices() -> None:
    entry = plan([LATENCY], {"stream": 5.0}, {Phase.STEADY: 60.0}).objectives[0]
    assert (entry.expected_samples, entry.planned_samples, entry.shortest_duration_s) == (0, None, None)
    assert not entry.suffices


def test_an_invariant_needs_requests_but_no_number_of_them() -> None:
    entry = plan([NONE_LOST], {"bridge": 2.0}, {Phase.STEADY: 60.0, Phase.DRILL: 10.0}).objectives[0]
    assert (entry.expected_samples, entry.minimum_samples, entry.most_bad) == (140, 1, 0)
    assert entry.suffices


def test_a_plan_counts_tokens_and_money_over_all_phases() -> None:
    planned = plan(
        [LATENCY],
        {"message": 2.0, "health": 10.0},
        {Phase.STEADY: 90.0, Phase.RECOVERY: 10.0},
        tokens={"message": TokensPerRequest(3600, 300)},
        prices=TokenPrices(Decimal("2.50"), Decimal(10), "USD"),
    )
    assert (planned.cost.requests, planned.cost.tokens_in, planned.cost.tokens_out) == (1200, 720_000, 60_000)
    assert (planned.cost.money, planned.cost.currency) == (Decimal("2.40"), "USD")


def test_a_plan_without_prices_names_no_money() -> None:
    assert plan([LATENCY], {"message": 1.0}, {Phase.STEADY: 1.0}).cost.money is None


def test_a_run_that_did_what_was_intended_is_valid() -> None:
    assert invalid_reasons(VALID, Fraction(1, 2)) == ()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"started": 989}, ReasonCode.NOT_REACHED),
        ({"lag_p99_s": 0.0501}, ReasonCode.LATE),
        ({"dropped": 1}, ReasonCode.DROPPED),
        ({"workers_finished": 1}, ReasonCode.LOST_WORKER),
    ],
)
def test_a_run_is_invalid_when_the_generator_was_the_limit(changed: dict[str, float], code: ReasonCode) -> None:
    assert [reason.code for reason in invalid_reasons(facts(**changed), Fraction(1, 2))] == [code]


@pytest.mark.parametrize(
    "changed", [{"started": 990}, {"lag_p99_s": 0.0499}, {"started": 900, "no_free_agent": 90}, {"lag_p99_s": None}]
)
def test_a_run_just_within_bounds_is_valid(changed: dict[str, float | None]) -> None:
    assert invalid_reasons(facts(**changed), Fraction(1, 2)) == ()


def test_lag_does_not_matter_where_no_objective_has_a_limit() -> None:
    assert invalid_reasons(facts(lag_p99_s=9.0), None) == ()


@pytest.mark.parametrize(
    ("changed", "culprit"),
    [
        ({"steal_share": 0.2, "generator_busy_share": 0.99}, "hypervisor"),
        ({"generator_busy_share": 0.95, "machine_busy_share": 0.99}, "worker of the generator was busy 95%"),
        ({"machine_busy_share": 0.95}, "machine was 95% busy"),
        ({"machine_busy_share": None}, "not recorded"),
        ({}, "neither the generator nor the machine"),
    ],
)
def test_an_invalid_run_names_the_likeliest_culprit(changed: dict[str, float | None], culprit: str) -> None:
    (reason,) = invalid_reasons(facts(dropped=1, **changed), None)
    assert culprit in reason.culprit


def test_a_climbing_target_is_saturated_and_the_slope_is_said() -> None:
    rng = np.random.default_rng(2)
    found = saturation(
        rng.poisson(20, size=120) + 0.5 * np.arange(120), block_s=1.0, quantity="work in flight", unit="requests"
    )
    assert found.saturated
    assert found.slope_per_s == pytest.approx(0.5, abs=0.1)
    assert found.sentence.startswith("saturated: not in a steady state, work in flight climbed by 0.4")


def test_noise_without_a_climb_is_a_steady_state() -> None:
    rng = np.random.default_rng(3)
    found = [saturation(rng.poisson(20, size=120), block_s=1.0, quantity="q", unit="u").saturated for _ in range(200)]
    assert np.mean([bool(one) for one in found]) <= 0.02


def test_a_phase_too_short_to_tell_is_neither_steady_nor_saturated() -> None:
    assert saturation([1.0, 2.0, 3.0], block_s=1.0, quantity="q", unit="u").saturated is None
    assert saturation([], block_s=1.0, quantity="q", unit="u").saturated is None


def test_blocks_without_requests_do_not_hide_a_climb() -> None:
    values = np.where(np.arange(100) % 3 == 0, np.nan, np.arange(100.0))
    assert saturation(values, block_s=1.0, quantity="q", unit="u").slope_per_s == pytest.approx(1.0, rel=0.05)
