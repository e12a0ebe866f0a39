"""What the report finds in a run: what bad requests share, what a drill did, where time went, where ticks stand."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from loadgen.run_folder import RunFolder, append_line
from report.drill import drills
from report.in_common import in_common
from report.intervals import bars
from report.judge import JudgedObjective, judge
from report.numbers import budget_used, finite, share
from report.reproduce import command
from report.scale import Scale
from report.series import arrivals, distribution, over_time, steps_of
from report.slowest import slowest
from slo.catalog import load
from tests.made_runs import HEALTHY, MISSES, make, remembered


@pytest.fixture
def misses() -> RunFolder:
    return remembered("misses")


@pytest.fixture
def drill() -> RunFolder:
    return remembered("drill")


def judged(folder: RunFolder, name: str) -> JudgedObjective:
    return next(one for one in judge(folder, load()).objectives if one.objective.name == name)


def test_a_slow_agent_is_found_among_bad_requests_with_its_exact_test(misses: RunFolder) -> None:
    traits = in_common(misses, judged(misses, "letta-message-latency"))
    slow = next(trait for trait in traits if trait.attribute == "agent")
    assert slow.value == str(MISSES.slow_agent)
    table = [[slow.bad_with, slow.good_with], [slow.bad_total - slow.bad_with, slow.good_total - slow.good_with]]
    alone = float(fisher_exact(np.array(table), alternative="greater").pvalue)
    assert alone <= slow.p_value <= alone * 2_000  # corrected for every value tried
    assert slow.sentence.startswith(f"{slow.bad_with} of {slow.bad_total} bad requests")


def test_the_seconds_of_a_burst_are_joined_to_one_stretch(misses: RunFolder) -> None:
    traits = in_common(misses, judged(misses, "bridge-success"))
    stretch = next(trait for trait in traits if trait.attribute == "second")
    assert stretch.value == "31 to 33"
    assert "were due in seconds 31 to 33 of the run" in stretch.sentence


def test_a_run_without_bad_requests_has_nothing_in_common(drill: RunFolder) -> None:
    assert in_common(drill, judged(drill, "bridge-success")) == ()


def test_an_invariant_has_no_bad_requests_to_compare(misses: RunFolder) -> None:
    assert in_common(misses, judged(misses, "bridge-no-message-lost")) == ()


def test_errors_spread_at_random_point_to_nobody(tmp_path: Path) -> None:
    story = replace(HEALTHY, errors_s=(0.0, 65.0), error_share=0.05)
    traits = in_common(folder := make(tmp_path, story), judged(folder, "letta-api-availability"))
    assert {trait.attribute for trait in traits} <= {"status"}


def test_a_drill_says_who_answered_and_when_things_were_as_before(drill: RunFolder) -> None:
    (one,) = drills(drill)
    assert (one.name, one.began_s, one.ended_s) == ("letta-down", 65.02, 75.02)
    assert one.by_letta == one.failed == 0
    assert one.by_fallback + one.by_routing == one.bridge_requests
    assert one.by_fallback > 8 * one.by_routing > 0  # a tenth of the made requests are for temporary memory
    assert one.first_fallback_s is not None
    assert 1.5 < one.first_fallback_s < 1.8  # the made bridge waits 1.5 s before it falls back
    assert one.letta_back_s is not None
    assert 0.6 < one.letta_back_s < 0.8  # the made Letta is back 0.7 s after the fault's end
    assert one.longest_reply_s is not None
    assert one.longest_reply_s < 2


def test_a_fault_from_which_nobody_came_back_says_so(tmp_path: Path) -> None:
    folder = make(tmp_path, HEALTHY, rate_factor=0.1)
    append_line(folder.path / "events-verify.jsonl", {"kind": "fault", "offset_s": 90.0, "name": "late"})
    (one,) = drills(RunFolder(folder.path))
    assert one.bridge_requests == 0
    assert one.first_fallback_s is one.letta_back_s is one.longest_reply_s is None


def test_the_parts_of_a_slow_request_add_up_to_its_response_time(misses: RunFolder) -> None:
    found = slowest(misses)
    assert [one.response_ms for one in found] == sorted((one.response_ms for one in found), reverse=True)
    for one in found:
        assert sum(part.ms for part in one.parts) == pytest.approx(one.response_ms, abs=0.5)
        assert one.request_id.startswith("made-misses-7-")


def test_stages_that_are_no_numbers_count_as_not_reported(tmp_path: Path) -> None:
    folder = make(tmp_path, HEALTHY, rate_factor=0.05)
    note = {"number": 1, "turn": 0, "operation": "bridge", "outcome": "ok", "status": 0, "source": "letta", "agent": 1}
    note |= {"intended_s": 9.0, "lag_ms": 1.0, "response_ms": 60000.0, "first_ms": None, "attempts": "<b>many</b>"}
    stages = {"letta_call": "long", "fallback": True, "retry_wait": -5, "queue_wait": 100}
    append_line(folder.path / "notes-0.jsonl", {**note, "stages_ms": stages})
    first = slowest(RunFolder(folder.path))[0]
    assert [(part.name, part.ms) for part in first.parts] == [
        ("late start", 1.0),
        ("queue wait", 100.0),
        ("elsewhere", 59899.0),
    ]
    assert first.attempts is None


def test_the_steps_of_a_run_count_every_request_once(misses: RunFolder) -> None:
    objective = load().objective("bridge-success")
    steps = steps_of(misses)
    times = over_time(misses, objective, steps)
    due_in_time = misses.samples["intended_ns"] < misses.plan.phases.duration_s * 1e9
    bridge = np.isin(misses.samples["operation"], (10, 11)) & due_in_time
    assert times.total.sum() == np.count_nonzero(bridge)
    assert len(steps.edges_s) == 91


def test_a_long_run_is_drawn_in_few_steps(tmp_path: Path) -> None:
    folder = make(tmp_path, replace(HEALTHY, phases=replace(HEALTHY.phases, steady_s=3600)), rate_factor=0.01)
    assert len(steps_of(folder).edges_s) <= 241
    assert np.isclose(arrivals(folder, steps_of(folder)).intended_per_s.mean(), 1.2 * 0.75, rtol=0.2)


def test_the_share_at_the_limit_is_the_bad_share(misses: RunFolder) -> None:
    one = judged(misses, "bridge-response-time")
    shares = distribution(misses, one.objective)
    assert shares is not None
    bad_share = sum(one.bad_by_reason.values()) / one.judgement.total
    assert np.interp(2.0, shares.value_s, shares.share_at_least) == pytest.approx(bad_share, abs=0.003)
    assert shares.failed_share == pytest.approx(one.bad_by_reason["error"] / one.judgement.total)


def test_bars_of_met_objectives_end_left_of_the_whole_budget(drill: RunFolder) -> None:
    run = judge(drill, load())
    axis, places = bars(run.objectives)
    assert set(places) == {one.objective.name for one in run.objectives if one.objective.target is not None}
    for one in run.objectives:
        if one.objective.name in places and one.verdict.value == "met":
            assert places[one.objective.name].right <= axis.budget + 1e-9


def test_the_command_names_what_decides_the_load(drill: RunFolder, tmp_path: Path) -> None:
    assert command(drill) == ("letta-slo verify --tier small --rate 60 --duration 60 --seed 7 --warmup 5 --workers 2")
    own = make(tmp_path, HEALTHY, rate_factor=0.05, workers=1)
    manifest = json.loads((own.path / "manifest.json").read_text())
    manifest["targets"] = {
        "letta-api": {"kind": "own", "address": "http://10.0.0.5:8283", "version": "0.16.4"},
        "letta-bridge": {"kind": "own", "address": "redis://:hunter22@10.0.0.7", "version": "7"},
    }
    (own.path / "manifest.json").write_text(json.dumps(manifest))
    assert command(RunFolder(own.path)) == (
        "letta-slo verify --letta-url http://10.0.0.5:8283 --tier small --rate 3 --duration 60 --seed 7 --warmup 5 "
        "--no-drill"
    )


@given(st.floats(1e-6, 1e3), st.floats(1.01, 1e6), st.booleans())
def test_ticks_lie_on_the_axis_and_go_up(low: float, factor: float, log: bool) -> None:
    scale = Scale(low, low * factor, log)
    ticks = scale.ticks()
    assert ticks == sorted(set(ticks))
    assert all(low * 0.99 <= tick <= low * factor * 1.01 for tick in ticks)
    assert len(ticks) <= 12
    assert scale.at(low) == 0
    assert scale.at(low * factor) == pytest.approx(1)


def test_an_axis_that_goes_nowhere_is_refused() -> None:
    for low, high, log in ((1.0, 1.0, False), (0.0, 1.0, True)):
        with pytest.raises(ValueError, match="must go up"):
            Scale(low, high, log)


def test_figures_that_json_cannot_say_become_null() -> None:
    assert [finite(value) for value in (None, float("inf"), float("nan"), 1.5)] == [None, None, None, 1.5]
    assert share(Fraction(3, 1000)) == {"exact": "3/1000", "value": 0.003}
    assert budget_used(3, 1000, Fraction(1, 100)) == Fraction(3, 10)
    assert budget_used(0, 0, Fraction(1, 100)) is None
