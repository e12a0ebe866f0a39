"""What is lost when parts die under load, by the generator's own ledger; are agents ever used twice at once?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from letta_slo.drive import Fault, drive
from letta_slo.session import Wish, plan_of, run
from letta_slo.targets import Targets
from letta_slo.terminal import Talk
from loadgen import tiers
from loadgen.plan import REDIS_VARIABLE, Phases, RunPlan
from loadgen.run_folder import RunFolder, create
from loadgen.samples import OPERATIONS, SOURCES, UNSENT, Outcome
from report.judge import judge
from slo.catalog import load
from slo.verdict import Verdict
from testbed.embedded import EmbeddedTestbed
from tests.processes import eventually

pytestmark = pytest.mark.timeout(240)
BRIDGE = OPERATIONS.index("bridge")


def a_testbed(tmp_path: Path, **facts: Any) -> EmbeddedTestbed:
    return EmbeddedTestbed(tmp_path / "parts", **facts)


def get(url: str) -> Any:
    return httpx.get(url, timeout=10).raise_for_status().json()


def drive_bridge(
    bed: EmbeddedTestbed,
    place: Path,
    phases: Phases,
    faults: tuple[Fault, ...],
    *,
    rate: float = 50.0,
    users: int = 200,
) -> RunFolder:
    plan = RunPlan("kills", str(place), 1, {"bridge": rate}, phases, redis_url_env=REDIS_VARIABLE, users=users)
    folder = create(place, {"plan": plan.to_dict(), "workers": 1, "targets": {}})
    plan.write(place / "plan.json")
    drive(plan, place / "plan.json", faults=faults, env={REDIS_VARIABLE: bed.redis.url})
    return folder


def ledger_of(folder: RunFolder) -> dict[str, int]:
    (end,) = folder.ends
    return dict(end["bridge"])


def test_a_bridge_killed_with_work_in_flight_loses_nothing(tmp_path: Path) -> None:
    slow = {"service_times": {"messages": {"median_ms": 1100, "sigma": 0.05}}}
    seen: dict[str, int] = {}
    with a_testbed(tmp_path, behaviour=slow) as bed:

        def look() -> bool:
            stats = get(f"{bed.part('bridge').announced['control']}/stats")
            counters = get(f"{bed.letta_control}/ledger/counters")
            seen.update(at_letta=counters["in_flight"], pending=stats["in_flight"] + stats["queue_depth"])
            return seen["at_letta"] >= 10 and seen["pending"] >= 40

        def kill() -> None:
            eventually(look, seconds=8)  # a moment with enough on its way; how soon depends on the machine
            bed.part("bridge").kill()
            bed.restart_bridge()

        fault = Fault("bridge-killed", 8.0, 0.0, kill)
        folder = drive_bridge(bed, tmp_path / "run", Phases(0, 20), (fault,), rate=70.0)
    assert seen["at_letta"] >= 10 and seen["pending"] >= 40
    ledger = ledger_of(folder)
    assert (ledger["lost"], ledger["duplicates"], ledger["unknown"]) == (0, 0, 0)
    assert ledger["sent"] == ledger["answered"] > 1000


def test_a_bridge_killed_at_ten_random_instants_loses_nothing(tmp_path: Path) -> None:
    dice = random.Random(20261121)
    instants = sorted(dice.uniform(2, 42) for _ in range(10))
    with a_testbed(tmp_path) as bed:

        def kill() -> None:
            bed.part("bridge").kill()
            bed.restart_bridge()

        faults = tuple(Fault("bridge-killed", at, 0.0, kill) for at in instants)
        # Kills may follow each other for longer than a user waits, and who gave up is kept out of the run for a while
        # (the target may still work for them): with few users nothing would be sent after that.
        folder = drive_bridge(bed, tmp_path / "run", Phases(0, 45), faults, users=1500)
    assert len(folder.events) == 10
    ledger = ledger_of(folder)
    assert (ledger["lost"], ledger["duplicates"], ledger["unknown"]) == (0, 0, 0)
    assert ledger["sent"] == ledger["answered"] > 1000  # of 2,086; a session that timed out sends no more turns


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunFolder, dict[str, Any], Wish]]:
    """One run of everything with the drill, and what the Letta stub recorded of it."""
    place = tmp_path_factory.mktemp("drilled")
    wish = Wish("20261121-drill", place / "run", tiers.load("small"), 50.0, Phases(5, 20, 10, 15), 1, 1)
    with EmbeddedTestbed(place / "parts", agent_tag=wish.tag) as bed:
        targets = Targets("stub", bed.letta_url, bed.redis.url, frozenset(), bed.take_letta_down, {})
        folder = run(replace(plan_of(wish, targets)), wish, targets, Talk(quiet=True))
        yield folder, get(f"{bed.letta_control}/ledger")["counters"], wish


def of_phase(folder: RunFolder, phase: str) -> Any:
    start, end = folder.plan.phases.bounds_s[phase]
    samples = folder.samples[folder.samples["operation"] == BRIDGE]
    return samples[(samples["intended_ns"] >= start * 1e9) & (samples["intended_ns"] < end * 1e9)]


Drilled = tuple[RunFolder, dict[str, Any], Wish]


def test_while_letta_is_down_the_bridge_answers_from_memory_python_within_two_seconds(drilled: Drilled) -> None:
    during = of_phase(drilled[0], "drill")
    during = during[~np.isin(during["outcome"], UNSENT)]
    assert len(during) > 300
    assert set(during["outcome"].tolist()) == {Outcome.OK}
    assert ((during["end_ns"] - during["intended_ns"]) / 1e9).max() < 2.0
    # The edges belong to Letta: what was in flight as it went down, and the second in which it came back.
    assert np.mean(during["source"] == SOURCES.index("memory-python")) > 0.9


def test_when_letta_is_back_the_bridge_returns_to_it_by_itself(drilled: Drilled) -> None:
    folder = drilled[0]
    start_s, _ = folder.plan.phases.bounds_s["recovery"]
    after = of_phase(folder, "recovery")
    settled = after[after["intended_ns"] > (start_s + 5) * 1e9]
    assert np.mean(settled["source"] == SOURCES.index("letta")) > 0.99


def test_nothing_is_lost_in_the_drill(drilled: Drilled) -> None:
    verdicts = {one.objective.name: one.verdict for one in judge(drilled[0], load()).objectives}
    assert verdicts["bridge-no-message-lost"] is Verdict.MET
    assert verdicts["bridge-fallback"] is Verdict.MET


def test_no_agent_ever_has_two_messages_in_flight(drilled: Drilled) -> None:
    _folder, counters, _wish = drilled
    assert counters["max_messages_in_flight_per_agent"] == 1, counters
    assert not counters["agents_with_overlapping_messages"]
    assert counters["requests_by_operation"]["messages"] > 100


def test_every_scenario_was_driven_and_answered(drilled: Drilled) -> None:
    samples = drilled[0].samples
    good = {OPERATIONS[code] for code in samples["operation"][samples["outcome"] == Outcome.OK].tolist()}
    assert good == set(OPERATIONS)
