"""What two run folders say beside each other, in values, words, JSON and Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadgen import schedule
from loadgen.plan import RunPlan, Sessions
from loadgen.recorder import Recorder, Sample
from loadgen.run_folder import RunFolder, create
from loadgen.samples import Outcome
from loadgen.turns import Turns
from report.compare import (
    Comparison,
    Figure,
    compare,
    differences_of_load,
    error_of_each,
    shortfalls,
    took_turns,
)
from report.compare_text import change_text, document, finding_text, headline, markdown
from report.markdown import LARGEST_BYTES
from slo.catalog import load
from slo.comparison import Finding
from slo.objective import Catalogue, Objective
from slo.verdict import Verdict
from tests.made_runs import HEALTHY, INVALID, STORIES, Story, make

CATALOGUE = load()
MESSAGE = "letta-message-latency"
TURNS = Turns(pairs=20, slice_s=4.0, gap_s=1.0, warmup_s=2.0, seed=3)
RATES = {"message": 20.0, "stream": 10.0, "health": 5.0}
Answer = Callable[[Sample, np.random.Generator], None]


def in_turns(directory: Path, answers: tuple[Answer, Answer]) -> tuple[RunFolder, RunFolder]:
    """Make the run folders of two targets that were driven in turns; no server was asked."""
    folders = []
    for side, (windows_s, answer) in enumerate(zip(TURNS.windows_s, answers, strict=True)):
        run_id = f"made-{side}"
        plan = RunPlan(
            run_id=run_id,
            folder=".",
            seed=5,
            rates=RATES,
            phases=TURNS.phases,
            sessions=Sessions(turns=1, think_time_s=0.0),
            windows_s=windows_s,
            origin_unix_ns=1_700_000_000_000_000_000,
        )
        target = {"kind": "stub", "address": f"http://127.0.0.1:828{side}", "version": "0.16.4"}
        facts = {"run_id": run_id, "workers": 1, "plan": plan.to_dict(), "targets": {"letta-api": target}}
        folder = create(directory / run_id, facts)
        recorder, random = Recorder(folder.path, 0), np.random.default_rng([9, side])
        whole = schedule.of_plan(plan)
        for number, (code, due_ns) in enumerate(zip(whole.scenario.tolist(), whole.offset_ns.tolist(), strict=True)):
            sample = Sample(whole.scenarios[code], number, 0, due_ns, due_ns, due_ns, Outcome.OK, status=200)
            answer(sample, random)
            recorder.add(sample)
        recorder.finish(int(TURNS.phases.duration_s) + 1, arrivals_started=len(whole))
        folders.append(folder)
    return folders[0], folders[1]


def slower_by(factor: float) -> Answer:
    def answer(sample: Sample, random: np.random.Generator) -> None:
        sample.end_ns = sample.start_ns + int(factor * random.lognormal(np.log(0.3), 0.3) * 1e9)
        sample.first_ns = sample.start_ns + (sample.end_ns - sample.start_ns) // 3

    return answer


def failing(share: float) -> Answer:
    def answer(sample: Sample, random: np.random.Generator) -> None:
        slower_by(1.0)(sample, random)
        if random.uniform() < share:
            sample.outcome = Outcome.ERROR

    return answer


def figure(found: Comparison, name: str, objective: str = MESSAGE) -> Figure:
    return next(one for one in found.figures if (one.objective.name, one.name) == (objective, name))


def only(*names: str) -> Catalogue:
    return Catalogue(tuple(CATALOGUE.objective(name) for name in names))


@pytest.fixture(scope="module")
def equal(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folders = in_turns(tmp_path_factory.mktemp("equal"), (slower_by(1.0), slower_by(1.0)))
    return compare(*folders, CATALOGUE)


@pytest.fixture(scope="module")
def slower(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folders = in_turns(tmp_path_factory.mktemp("slower"), (slower_by(1.0), slower_by(1.5)))
    return compare(*folders, CATALOGUE)


def test_equal_targets_in_turns_show_no_regression_of_the_message_latency(equal: Comparison) -> None:
    assert equal.in_turns
    for name in ("bad share", "p50", "p95"):
        assert figure(equal, name).difference.finding is Finding.SAME
        assert figure(equal, name).verdict is Verdict.MET


def test_a_slower_candidate_is_missed_and_the_change_has_an_interval_around_the_truth(slower: Comparison) -> None:
    assert slower.verdict is Verdict.MISSED
    found = figure(slower, "p95")
    assert found.verdict is Verdict.MISSED
    assert found.base is not None
    assert found.candidate is not None
    assert found.candidate > found.base
    interval = found.difference.interval
    assert interval is not None
    assert interval.lower < 1.5 < interval.upper
    assert change_text(found).startswith("+")
    assert finding_text(found) == "worse"
    assert "p95 of letta-message-latency" in headline(slower)


def test_a_faster_candidate_is_better_and_meets(tmp_path: Path) -> None:
    found = compare(*in_turns(tmp_path, (slower_by(1.5), slower_by(1.0))), only(MESSAGE))
    assert figure(found, "p50").difference.finding is Finding.BETTER
    assert found.verdict is Verdict.MET
    assert headline(found).startswith("No regression")


def test_a_candidate_that_fails_more_often_has_a_worse_share(tmp_path: Path) -> None:
    found = compare(*in_turns(tmp_path, (failing(0.0), failing(0.15))), only(MESSAGE))
    share = figure(found, "bad share")
    assert share.difference.finding is Finding.WORSE
    assert change_text(share).split()[1] == "points"
    assert found.verdict is Verdict.MISSED


def test_a_tolerance_decides_what_is_a_regression(tmp_path: Path) -> None:
    folders = in_turns(tmp_path, (slower_by(1.0), slower_by(1.3)))
    assert figure(compare(*folders, only(MESSAGE), tolerance=0.1), "p50").verdict is Verdict.MISSED
    tolerant = figure(compare(*folders, only(MESSAGE), tolerance=1.0), "p50")
    assert tolerant.difference.finding is Finding.WITHIN
    assert tolerant.verdict is Verdict.MET


def test_each_interval_is_wider_the_more_are_compared(equal: Comparison) -> None:
    alone = compare(equal.base.folder, equal.candidate.folder, only(MESSAGE))
    one, other = (figure(found, "p50").difference.interval for found in (alone, equal))
    assert one is not None
    assert other is not None
    assert alone.error == pytest.approx(0.05 / 4)
    assert equal.error == error_of_each([figure.objective for figure in equal.figures if figure.is_share])
    assert other.lower <= one.lower <= one.upper <= other.upper


def test_runs_apart_are_compared_with_a_caution(tmp_path: Path) -> None:
    folders = [make(tmp_path, HEALTHY, seed=seed) for seed in (1, 2)]
    found = compare(folders[0], folders[1], CATALOGUE)
    assert not found.in_turns
    assert any("apart" in caution for caution in found.cautions)
    assert not any(one.difference.finding in {Finding.WORSE, Finding.BETTER} for one in found.figures)


def test_a_rule_and_what_only_one_run_was_about_are_not_compared(tmp_path: Path) -> None:
    found = compare(make(tmp_path, STORIES["drill"]), make(tmp_path, HEALTHY), CATALOGUE)
    why = dict(found.not_compared)
    assert "by itself" in why["bridge-no-message-lost"]
    assert why["bridge-fallback"] == "only one of the runs was about it"
    assert "bridge-fallback" not in {one.objective.name for one in found.figures}


def test_an_invalid_side_makes_the_comparison_invalid(tmp_path: Path) -> None:
    found = compare(make(tmp_path, HEALTHY, rate_factor=0.2), make(tmp_path, INVALID, rate_factor=0.2), CATALOGUE)
    assert found.verdict is Verdict.INVALID_RUN
    assert {one.verdict for one in found.figures} == {Verdict.INVALID_RUN}
    assert "candidate" in headline(found)
    assert "base" not in headline(found)
    assert "invalid candidate" in markdown(found)


def test_nothing_to_compare_is_no_data(tmp_path: Path) -> None:
    folder = make(tmp_path, HEALTHY, rate_factor=0.1)
    assert compare(folder, folder, only("bridge-fallback")).verdict is Verdict.NO_DATA


def test_an_objective_without_a_request_is_no_data(tmp_path: Path) -> None:
    first, second = in_turns(tmp_path, (slower_by(1.0), slower_by(1.0)))
    message = CATALOGUE.objective(MESSAGE)
    nothing = replace(message, samples=replace(message.samples, operations=frozenset({"archival-insert"})))
    found = compare(first, second, Catalogue((nothing,)))
    assert found.verdict is Verdict.NO_DATA
    assert finding_text(found.figures[0]) == "no data"


def test_too_few_requests_are_inconclusive_and_say_so(tmp_path: Path) -> None:
    story = Story("short", phases=replace(HEALTHY.phases, steady_s=10))
    first, second = (make(tmp_path, replace(story, name=name), rate_factor=0.2) for name in ("one", "two"))
    found = compare(first, second, only(MESSAGE))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "too few requests" in finding_text(figure(found, "p95"))


def test_runs_of_another_load_differ_in_words(tmp_path: Path) -> None:
    first = make(tmp_path, HEALTHY, rate_factor=0.1)
    second = make(tmp_path, replace(HEALTHY, name="faster"), rate_factor=0.2)
    assert differences_of_load(first, first) == ()
    (difference,) = differences_of_load(first, second)
    assert difference.startswith("requests a second")


def test_a_run_takes_no_turns_with_itself_or_with_a_run_of_another_origin(tmp_path: Path) -> None:
    first, second = in_turns(tmp_path, (slower_by(1.0), slower_by(1.0)))
    assert took_turns(first, second)
    assert not took_turns(first, first)
    assert not took_turns(first, make(tmp_path, HEALTHY, rate_factor=0.05))


def test_every_output_says_stub_and_holds_no_infinity(equal: Comparison, slower: Comparison) -> None:
    for found in (equal, slower):
        said = document(found)
        json.dumps(said, allow_nan=False)
        assert said["is_stub"] is True
        assert said["headline"].endswith("on a STUB")
        assert "**STUB**" in markdown(found)
        assert len(markdown(found).encode()) < LARGEST_BYTES


def test_the_document_says_each_figure_with_its_interval(slower: Comparison) -> None:
    said = document(slower)
    assert said["format"] == "letta-slo-comparison/1"
    assert said["verdict"] == "missed"
    assert said["in_turns"] is True
    (p95,) = (one for one in said["figures"] if (one["objective"], one["figure"]) == (MESSAGE, "p95"))
    assert p95["lower"] < p95["estimate"] < p95["upper"]
    assert p95["finding"] == "worse"
    assert p95["blocks"] > 8
    assert p95["most_tolerated"] == pytest.approx(1.1)


def test_the_same_folders_give_the_same_document(slower: Comparison) -> None:
    again = compare(slower.base.folder, slower.candidate.folder, CATALOGUE)
    assert document(again) == document(slower)


def test_no_markup_of_a_target_gets_into_the_summary(tmp_path: Path) -> None:
    first, second = in_turns(tmp_path, (slower_by(1.0), slower_by(1.0)))
    second.manifest["targets"]["letta-api"]["version"] = "<img src=x> @team"
    text = markdown(compare(first, second, only(MESSAGE)))
    assert "<img" not in text
    assert "@team" not in text


def test_a_plan_that_is_too_short_is_said_and_a_long_one_says_nothing() -> None:
    said = list(shortfalls(only(MESSAGE), RATES, TURNS, tolerance=0.1))
    assert any("p95" in sentence for sentence in said)
    assert list(shortfalls(only(MESSAGE), RATES, replace(TURNS, pairs=1000), tolerance=0.1)) == []
    assert list(shortfalls(only(MESSAGE), {"health": 5.0}, TURNS, tolerance=0.1)) == []


def test_turns_give_both_sides_the_same_time_never_at_once_and_in_a_drawn_order() -> None:
    base, candidate = TURNS.windows_s
    lengths = [[end - start for start, end in side] for side in (base, candidate)]
    assert lengths[0] == lengths[1] == [2.0] + [4.0] * 20
    every = sorted([*base, *candidate])
    assert all(earlier[1] + 1.0 <= later[0] + 1e-9 for earlier, later in pairwise(every))
    assert every[-1][1] <= TURNS.phases.duration_s
    base_first = [one < other for one, other in zip(base[1:], candidate[1:], strict=True)]
    assert 0 < sum(base_first) < 20
    assert TURNS.windows_s == replace(TURNS).windows_s != replace(TURNS, seed=4).windows_s


def test_both_sides_get_the_same_requests_in_their_own_time() -> None:
    plan = RunPlan("made", ".", 5, RATES, TURNS.phases, sessions=Sessions(1, 0.0))
    base, candidate = (schedule.of_plan(replace(plan, windows_s=windows_s)) for windows_s in TURNS.windows_s)
    assert (base.scenario == candidate.scenario).all()
    for one, windows_s in ((base, TURNS.windows_s[0]), (candidate, TURNS.windows_s[1])):
        due_s = one.offset_ns / 1e9
        assert (np.diff(one.offset_ns) >= 0).all()
        assert sum(((due_s >= start) & (due_s < end)).sum() for start, end in windows_s) == len(one)


def test_a_plan_with_turns_survives_its_file(tmp_path: Path) -> None:
    plan = RunPlan("made", ".", 5, RATES, TURNS.phases, windows_s=TURNS.windows_s[0], origin_unix_ns=12)
    plan.write(tmp_path / "plan.json")
    assert RunPlan.read(tmp_path / "plan.json") == plan


@pytest.mark.parametrize("wrong", [{"pairs": 0}, {"slice_s": 0.0}, {"gap_s": -1.0}, {"warmup_s": -1.0}])
def test_turns_of_no_length_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="turns need"):
        replace(TURNS, **wrong)


def test_the_whole_error_budget_is_the_tolerance_of_a_share(equal: Comparison) -> None:
    objective: Objective = CATALOGUE.objective(MESSAGE)
    assert objective.allowed_bad_share == Fraction(1, 20)
    assert figure(equal, "bad share").difference.most == pytest.approx(0.05)
