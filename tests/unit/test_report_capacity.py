"""What the report of a capacity says, over the run folders of a simulated queue; no server is asked."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from loadgen.run_folder import RunFolder
from report.capacity import Asked, Capacity, conclude_search, found_text, headline, rate_text, remarks
from report.capacity_step import StepReading, read_step
from report.capacity_write import capacity_document, capacity_markdown, capacity_page, write_capacity
from slo.backlog import Growth
from slo.catalog import load
from slo.objective import Catalogue
from slo.scalability import Point
from slo.search import Ending, Outcome, Rules, Step, next_try
from tests.made_steps import made_step

MESSAGES = Catalogue((load().objective("letta-message-latency"),), (), ())


def read(folder: RunFolder, number: int, rate: float) -> StepReading:
    for read_once in ("manifest", "plan", "samples", "machine", "ends", "notes", "events"):
        getattr(folder, read_once)
    return read_step(folder, MESSAGES, number=number, rate=rate, is_repeat=False)


def asked(rules: Rules, points: tuple[Point, ...] = (), step_s: float = 60.0) -> Asked:
    return Asked(
        run_id="made-search",
        started_at="2026-01-15T09:30:00+00:00",
        service="letta-api",
        kind="stub",
        address="http://127.0.0.1:8283",
        version="0.16.4",
        tier="small",
        mix={"message": 1.0},
        agents=20,
        rules=rules,
        step_s=step_s,
        seed=1,
        replicas=1,
        points=points,
    )


@cache
def searched(points: tuple[Point, ...] = ()) -> Capacity:
    """Return what a search finds on a queue that answers 80 messages a second."""
    rules, readings, steps = Rules(20.0, 1000.0), list[StepReading](), list[Step]()
    with TemporaryDirectory() as directory:
        while (wanted := next_try(rules, steps)) is not None:
            number = len(steps) + 1
            seconds = 120.0 if wanted.is_repeat else 60.0
            folder = made_step(Path(directory), number, wanted.rate, steady_s=seconds)
            readings.append(read(folder, number, wanted.rate))
            steps.append(Step(wanted.rate, readings[-1].outcome))
    return conclude_search(asked(rules, points), readings)


THREE = (Point(2, 150.0, 158.0), Point(4, 270.0, 285.0))


def step_at(tmp_path: Path, rate: float, *, seconds: float = 60.0, lag_s: float = 0.0002) -> StepReading:
    return read(made_step(tmp_path, 1, rate, steady_s=seconds, lag_s=lag_s), 1, rate)


def test_a_search_finds_the_capacity_of_a_queue_from_its_run_folders() -> None:
    capacity = searched()
    assert capacity.found.ending is Ending.INTERVAL
    assert capacity.lower is not None
    assert capacity.upper is not None
    assert capacity.lower <= 80 * 1.01
    assert capacity.upper >= 80 * 0.99
    assert (capacity.lower * capacity.upper) ** 0.5 == pytest.approx(80, rel=0.05)
    assert headline(capacity).endswith("requests a second — on a STUB")


def test_a_rate_far_below_the_capacity_is_met_and_completes_what_arrives(tmp_path: Path) -> None:
    step = step_at(tmp_path, 40.0)
    assert step.outcome is Outcome.MET
    assert step.completed_per_s == pytest.approx(step.arrived_per_s, rel=0.01)
    assert step.p50 is not None
    assert step.p50.value == pytest.approx(0.0502, abs=0.01)
    assert step.why.startswith("every objective met; the backlog changed by")


def test_a_rate_above_the_capacity_is_not_met_and_completes_what_the_target_can(tmp_path: Path) -> None:
    step = step_at(tmp_path, 120.0)
    assert step.outcome is Outcome.NOT_MET
    assert step.completed_per_s == pytest.approx(80.0, rel=0.01)
    assert step.backlog.growth is Growth.GROWING
    assert "letta-message-latency missed" in step.why
    assert "was left over" in step.why


def test_a_backlog_that_grows_is_not_met_though_every_objective_still_is(tmp_path: Path) -> None:
    """At 90 a second for 12 s nobody waits for 2 s yet."""
    step = step_at(tmp_path, 90.0, seconds=12.0)
    assert step.run.verdict.value == "met"
    assert step.outcome is Outcome.NOT_MET


def test_a_step_whose_requests_left_late_is_invalid(tmp_path: Path) -> None:
    step = step_at(tmp_path, 40.0, lag_s=0.3)
    assert step.outcome is Outcome.INVALID
    assert "requests left late" in step.why


def test_a_step_for_which_there_were_too_few_agents_says_nothing_of_the_target(tmp_path: Path) -> None:
    step = read(made_step(tmp_path, 1, 40.0, unsent_share=0.1), 1, 40.0)
    assert step.outcome is Outcome.TOO_FEW_AGENTS
    assert "found every agent busy" in step.why
    only = conclude_search(asked(Rules(40.0, 40.0)), [step])
    assert only.found.ending is Ending.NOTHING
    assert any("too few agents for 40 a second" in remark for remark in remarks(only))
    few = read(made_step(tmp_path, 2, 40.0, unsent_share=0.003), 2, 40.0)
    assert few.unsent > 0
    assert few.outcome is Outcome.MET


def test_too_few_requests_decide_nothing(tmp_path: Path) -> None:
    step = step_at(tmp_path, 2.0, seconds=20.0)
    assert step.outcome is Outcome.UNDECIDED
    assert "letta-message-latency inconclusive" in step.why


def test_a_generator_at_its_limit_leaves_a_lower_bound(tmp_path: Path) -> None:
    readings = [
        read(made_step(tmp_path / str(n), n, rate, lag_s=lag_s), n, rate)
        for n, rate, lag_s in ((1, 20.0, 0.0002), (2, 40.0, 0.3), (3, 40.0, 0.3))
    ]
    capacity = conclude_search(asked(Rules(20.0, 1000.0)), readings)
    assert capacity.upper is None
    assert re.fullmatch(
        r"Capacity at least [\d.]+ requests a second: the generator was the limit", found_text(capacity)
    )
    said = capacity_document(capacity)
    assert any("the generator was the limit at 40 a second" in one for one in said["remarks"])
    assert said["replicas_needed"] == []


def test_short_steps_are_marked_as_too_short_to_be_reported(tmp_path: Path) -> None:
    capacity = conclude_search(asked(Rules(20.0, 1000.0)), [step_at(tmp_path, 20.0, seconds=10.0)])
    said = capacity_document(capacity)
    assert said["is_too_short"] is True
    assert "too short to be reported" in said["remarks"][0]
    assert "Not to be reported" in capacity_page(capacity, said)


def test_a_search_that_was_stopped_says_why(tmp_path: Path) -> None:
    capacity = conclude_search(asked(Rules(20.0, 1000.0)), [step_at(tmp_path, 20.0)], stopped="it cost too much")
    assert "the search was stopped: it cost too much" in capacity_document(capacity)["remarks"]


def test_one_number_of_replicas_gives_a_lower_bound_for_each_tier() -> None:
    needed = {one["tier"]: one for one in capacity_document(searched())["replicas_needed"]}
    assert needed["small"]["least"] == 1
    assert needed["medium"]["least"] in {6, 7}
    assert all(one["is_lower_bound"] for one in needed.values())


def test_three_numbers_of_replicas_give_a_curve_and_replicas_with_their_uncertainty() -> None:
    said = capacity_document(searched(THREE))
    assert said["scaling"]["law"] == "universal scalability law"
    assert [one["replicas"] for one in said["scaling"]["points"]] == [1, 2, 4]
    small, medium, _large = said["replicas_needed"]
    assert (small["least"], small["most"]) == (1, 1)
    assert medium["least"] >= 7
    assert not medium["is_lower_bound"]


def test_the_page_shows_every_chart_and_every_step_and_loads_nothing() -> None:
    capacity = searched(THREE)
    page = capacity_page(capacity, capacity_document(capacity))
    for title in ("Bad share of letta-message-latency", "Response time against the rate", "Capacity over replicas"):
        assert f"<strong>{title}</strong>" in page
    assert page.count('<td class="why" data-label="Why">') == len(capacity.steps)
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "<script" not in page
    assert "nan" not in page


def test_the_page_of_a_search_that_found_nothing_still_says_so(tmp_path: Path) -> None:
    capacity = conclude_search(asked(Rules(120.0, 1000.0)), [step_at(tmp_path, 120.0)])
    page = capacity_page(capacity, capacity_document(capacity))
    assert "Capacity below 120 requests a second: not even the first rate was met" in page


def test_the_files_are_json_markdown_and_a_page(tmp_path: Path) -> None:
    files = write_capacity(searched(THREE), tmp_path)
    said = json.loads(files["json"].read_text())
    assert said["format"] == "letta-slo-capacity/1"
    assert files["markdown"].read_text() == capacity_markdown(searched(THREE), said)
    assert "— on a **STUB**" in files["markdown"].read_text().splitlines()[0]
    assert files["html"].read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(("rate", "words"), [(3.14159, "3.14"), (79.26, "79.3"), (123.45, "123.5"), (2345.6, "2,346")])
def test_rates_are_written_with_as_many_digits_as_they_deserve(rate: float, words: str) -> None:
    assert rate_text(rate) == words
