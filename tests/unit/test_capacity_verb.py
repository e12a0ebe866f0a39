"""What `letta-slo capacity` asks for, how its steps go, and which exit code it ends with; no server is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from letta_slo import capacity_steps, exit_codes
from letta_slo.capacity import capacity, exit_code
from letta_slo.capacity_asked import asked_of, objectives_of, read_point, service_of, steps_of
from letta_slo.capacity_steps import Steps, drive_steps
from letta_slo.session import Wish
from letta_slo.targets import Targets
from letta_slo.terminal import Talk
from loadgen.guard import GuardError
from loadgen.plan import RunPlan
from loadgen.run_folder import RunFolder
from loadgen.target import TargetError
from report.capacity import Capacity, conclude_search
from report.capacity_step import StepReading
from slo.catalog import load
from slo.scalability import Point
from slo.search import Outcome
from tests.made_steps import made_step

STUB = Targets("stub", "http://127.0.0.1:8283", None, frozenset({"letta-api"}), versions={"letta": "0.16.4"})
MESSAGES = ("--scenario", "message", "--only", "letta-message-latency")


def given(*arguments: str) -> dict[str, Any]:
    return capacity.make_context("capacity", list(arguments)).params


def steps(*arguments: str, folder: Path = Path("runs")) -> Steps:
    return replace(steps_of(given(*arguments), "made-search"), folder=folder)


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LETTA_SLO_REDIS_URL", raising=False)
    monkeypatch.delenv("LETTA_SLO_LETTA_URL", raising=False)


pytestmark = pytest.mark.usefixtures("no_server")


@contextmanager
def with_agents(plan: RunPlan, count: int, _talk: Talk, *, stay: bool) -> Iterator[RunPlan]:
    assert stay
    yield replace(plan, agents=tuple(f"agent-{n}" for n in range(count)))


def searched(
    monkeypatch: pytest.MonkeyPatch,
    asked: Steps,
    *,
    drive: Callable[[Wish], RunFolder] | None = None,
    rests: Callable[[], bool] = lambda: True,
    begin_anew: Callable[[], None] = lambda: None,
) -> tuple[tuple[StepReading, ...], str | None, list[RunPlan]]:
    """Search on a simulated queue that answers 80 messages a second; return the plans that were driven, too."""
    plans: list[RunPlan] = []

    def run(plan: RunPlan, wish: Wish, _targets: Targets, _talk: Talk) -> RunFolder:
        plans.append(plan)
        number = len(plans)
        return drive(wish) if drive else made_step(asked.folder, number, wish.rate, steady_s=wish.phases.steady_s)

    monkeypatch.setattr(capacity_steps, "run_prepared", run)
    monkeypatch.setattr(capacity_steps, "with_agents", with_agents)
    monkeypatch.setattr(capacity_steps, "_resting", lambda _targets, _agents: rests)
    monkeypatch.setattr(capacity_steps, "_resetting", lambda _prepared, _talk: begin_anew)
    catalogue = objectives_of(load(), asked, "letta")
    only = replace(catalogue, objectives=tuple(o for o in catalogue.objectives if o.name == "letta-message-latency"))
    readings: list[StepReading] = []
    stopped = drive_steps(asked, STUB, only, Talk(quiet=True), readings)
    return tuple(readings), stopped, plans


def concluded(asked: Steps, readings: tuple[StepReading, ...], stopped: str | None = None) -> Capacity:
    return conclude_search(asked_of(given(*MESSAGES), asked, STUB, ()), readings, stopped=stopped)


def test_each_step_after_the_first_begins_with_agents_that_were_reset(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    resets: list[None] = []
    asked = steps(*MESSAGES, "--start", "30", folder=tmp_path)
    readings, _, _ = searched(monkeypatch, asked, begin_anew=lambda: resets.append(None))
    assert len(resets) == len(readings) - 1 > 0


def test_agents_that_cannot_be_reset_stop_the_search_and_the_steps_before_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail() -> None:
        raise TargetError("http://gone: ConnectError")

    asked = steps(*MESSAGES, "--start", "30", folder=tmp_path)
    readings, stopped, _ = searched(monkeypatch, asked, begin_anew=fail)
    assert len(readings) == 1
    assert stopped is not None
    assert "http://gone" in stopped


def test_the_steps_find_the_capacity_of_a_queue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = steps(*MESSAGES, "--start", "30", folder=tmp_path)
    readings, stopped, plans = searched(monkeypatch, asked)
    found = concluded(asked, readings, stopped)
    assert stopped is None
    assert found.lower is not None
    assert found.upper is not None
    assert (found.lower * found.upper) ** 0.5 == pytest.approx(80, rel=0.05)
    assert exit_code(found, exit_codes.INCONCLUSIVE) == exit_codes.MET
    assert {plan.agents for plan in plans} == {tuple(f"agent-{n}" for n in range(100))}
    assert len({(plan.run_id, plan.seed) for plan in plans}) == len(plans)
    assert {plan.sessions.turns for plan in plans} == {1}


def test_a_step_is_as_long_as_its_verdicts_need_and_at_least_as_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At half a request a second 59 messages, the fewest for 95 %, take two minutes."""
    seconds = []
    for rate in ("0.5", "20"):
        asked = steps(*MESSAGES, "--start", rate, "--most-steps", "1", folder=tmp_path / rate)
        _, _, plans = searched(monkeypatch, asked)
        seconds.append(plans[0].phases.steady_s)
    assert seconds == [130.0, 60.0]


def test_a_step_that_decided_nothing_is_repeated_for_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    numbers = iter(range(1, 10))

    def few_are_slow(wish: Wish) -> RunFolder:
        number = next(numbers)
        return made_step(tmp_path, number, wish.rate, steady_s=wish.phases.steady_s, slow_share=0.04)

    asked = steps(*MESSAGES, "--start", "2", "--most-steps", "2", folder=tmp_path)
    readings, _, plans = searched(monkeypatch, asked, drive=few_are_slow)
    assert readings[0].outcome is Outcome.UNDECIDED
    assert readings[1].is_repeat
    assert plans[1].phases.steady_s >= 2 * plans[0].phases.steady_s


def test_a_step_is_never_longer_than_the_longest_nor_repeated_then(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = steps(*MESSAGES, "--start", "0.5", "--longest-step", "100", "--most-steps", "3", folder=tmp_path)
    readings, _, plans = searched(monkeypatch, asked)
    assert [plan.phases.steady_s for plan in plans[:2]] == [100.0, 65.0]
    assert [step.is_repeat for step in readings[:2]] == [False, False]
    assert readings[0].outcome is Outcome.UNDECIDED


def test_a_target_that_does_not_come_to_rest_ends_the_search_with_what_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = steps(*MESSAGES, "--start", "60", folder=tmp_path)
    readings, stopped, _ = searched(monkeypatch, asked, rests=lambda: False)
    assert stopped is not None
    assert "did not come to rest" in stopped
    assert [step.outcome for step in readings] == [Outcome.MET, Outcome.NOT_MET]
    assert exit_code(concluded(asked, readings, stopped), exit_codes.INCONCLUSIVE) == exit_codes.MET


def test_a_search_ends_before_a_step_that_would_cost_too_much(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("input_per_million: 1\noutput_per_million: 1\ncurrency: USD\n")
    asked = steps(*MESSAGES, "--start", "20", "--prices", str(prices), "--max-cost", "6", folder=tmp_path)
    readings, stopped, _ = searched(monkeypatch, asked)
    assert len(readings) == 1  # 1,200 messages of 3,900 tokens are 4.68
    assert stopped == "a further step would bring the cost to 14.04 USD, and --max-cost allows less"


@pytest.mark.parametrize(("rate", "code"), [("120", exit_codes.MISSED), ("1", exit_codes.INCONCLUSIVE)])
def test_the_exit_code_says_what_became_of_the_first_rate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rate: str, code: int
) -> None:
    asked = steps(
        *MESSAGES, "--start", rate, "--longest-step", "8", "--step", "8", "--most-steps", "1", folder=tmp_path
    )
    readings, stopped, _ = searched(monkeypatch, asked)
    assert exit_code(concluded(asked, readings, stopped), exit_codes.INCONCLUSIVE) == code


def test_a_first_rate_that_the_generator_cannot_send_is_an_invalid_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = steps(*MESSAGES, "--start", "20", folder=tmp_path)
    numbers = iter(range(1, 10))
    readings, stopped, _ = searched(
        monkeypatch, asked, drive=lambda wish: made_step(tmp_path, next(numbers), wish.rate, lag_s=0.3)
    )
    assert len(readings) == 2
    assert exit_code(concluded(asked, readings, stopped), exit_codes.INCONCLUSIVE) == exit_codes.INVALID_RUN


def test_the_first_rate_is_a_fifth_of_the_tier_and_sessions_have_one_turn() -> None:
    asked = steps()
    assert asked.rules.start == 10.0
    assert asked.rules.highest == 4000.0
    assert asked.tier.sessions.turns == 1


def test_a_real_letta_gets_the_tiny_tier() -> None:
    assert steps("--target", "letta").tier.name == "tiny"


def test_a_server_elsewhere_gets_no_more_than_50_a_second_unless_it_is_the_users_own() -> None:
    elsewhere = ("--letta-url", "http://letta.example.org:8283")
    assert steps(*elsewhere).rules.highest == 50.0
    assert steps(*elsewhere, "--i-own-this-target").rules.highest == 4000.0
    with pytest.raises(GuardError, match="is refused"):
        steps(*elsewhere, "--max-rate", "200")


def test_the_service_is_the_one_that_was_named_or_whose_address_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert service_of(given()) == "letta"
    assert service_of(given("--service", "bridge")) == "bridge"
    assert service_of(given("--redis-url", "redis://127.0.0.1:6379")) == "bridge"
    assert service_of(given("--letta-url", "http://127.0.0.1:8283", "--redis-url", "redis://127.0.0.1:1")) == "letta"
    monkeypatch.setenv("LETTA_SLO_REDIS_URL", "redis://127.0.0.1:6379")
    assert service_of(given()) == "bridge"
    with pytest.raises(click.UsageError, match="starts no bridge"):
        monkeypatch.delenv("LETTA_SLO_REDIS_URL")
        service_of(given("--target", "letta", "--service", "bridge"))


def test_a_scenario_takes_the_place_of_the_mix() -> None:
    assert steps("--scenario", "message").tier.mix == {"message": 1.0}
    two = steps("--scenario", "message", "--scenario", "stream").tier.mix
    assert two == {"message": pytest.approx(0.2 / 0.28), "stream": pytest.approx(0.08 / 0.28)}
    assert steps("--service", "bridge", "--scenario", "bridge").tier.temporary_share == 0.0
    with pytest.raises(click.UsageError, match="has no bridge"):
        steps("--scenario", "bridge")


def test_objectives_that_no_step_is_about_are_left_out() -> None:
    asked = steps("--scenario", "message")
    names = {one.name for one in objectives_of(load(), asked, "letta").objectives}
    assert names == {"letta-api-availability", "letta-message-latency"}
    assert all(one.service == "letta-bridge" for one in objectives_of(load(), asked, "bridge").objectives)
    catalogue = load()
    streams = replace(catalogue, objectives=(catalogue.objective("letta-stream-first-token"),))
    with pytest.raises(click.UsageError, match="no objective is about message"):
        objectives_of(streams, asked, "letta")


@pytest.mark.parametrize(("text", "point"), [("2=98..103", Point(2, 98.0, 103.0)), ("1=52", Point(1, 52.0, 52.0))])
def test_a_point_is_a_number_of_replicas_and_a_rate_or_two(text: str, point: Point) -> None:
    assert read_point(text) == point


@pytest.mark.parametrize("text", ["2", "=5", "2=", "0=5", "2=9..3", "x=5", "2=5..x", "1=inf"])
def test_what_is_no_point_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no point"):
        read_point(text)


@pytest.mark.parametrize("arguments", [("--start", "100", "--max-rate", "50"), ("--workers", "32", "--agents", "5")])
def test_what_no_search_can_follow_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises((click.UsageError, GuardError)):
        steps(*arguments)
