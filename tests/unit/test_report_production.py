"""Reports of a window of production: the same words in each, doubts and budget beside the verdict."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from production.reading import Reading
from report.production import JudgedWindow, judge_window
from report.production_write import write_window
from slo.catalog import load
from slo.share import BlockCounts
from slo.verdict import Verdict


def a_reading(name: str, good: int, bad: int, *, doubts: tuple[str, ...] = (), said: tuple[str, ...] = ()) -> Reading:
    counts = BlockCounts(15.0, [good // 40] * 40, [bad // 40] * 40)
    return Reading(load().objective(name), 28 * 86400.0, counts, good + bad, True, None, said, doubts)


def a_window(*readings: Reading) -> JudgedWindow:
    return judge_window("http://prometheus:9090", "the servers", 0.0, 600.0, [(one, one) for one in readings])


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    window = a_window(
        a_reading("bridge-success", 40_000, 0, said=("counters began again at noon: <b>said</b>",)),
        a_reading("bridge-response-time", 4_000, 400),
        a_reading("bridge-answered-by-letta", 40_000, 0, doubts=("nothing was seen for 60 s of 600 s",)),
    )
    write_window(window, tmp_path)
    return {file.name: file.read_text() for file in tmp_path.iterdir()}


def test_all_four_say_the_verdict_the_budget_and_what_happened_to_the_counters(files: dict[str, str]) -> None:
    assert set(files) == {"report.html", "report.json", "junit.xml", "summary.md"}
    for text in files.values():
        assert "missed" in text
        assert "809 % too much is spent" in text or '"left": -8.09' in text
        assert "counters began again" in text.lower()
        assert "<b>said</b>" not in text or text.startswith("{")


def test_what_was_not_seen_forbids_met_and_leaves_missed() -> None:
    doubtful = a_window(a_reading("bridge-success", 40_000, 0, doubts=("a gap",)))
    assert doubtful.verdict is Verdict.INCONCLUSIVE
    missed = a_window(a_reading("bridge-response-time", 4_000, 400, doubts=("a gap",)))
    assert missed.verdict is Verdict.MISSED


def test_the_junit_file_has_a_case_for_each_objective(files: dict[str, str]) -> None:
    cases = ET.fromstring(files["junit.xml"]).iter("testcase")  # noqa: S314 - our own file
    results = {case.get("name"): [part.tag for part in case if part.tag != "system-out"] for case in cases}
    assert results == {
        "bridge-success": [],
        "bridge-response-time": ["failure"],
        "bridge-answered-by-letta": ["skipped"],
    }


def test_the_page_loads_nothing_and_names_its_source(files: dict[str, str]) -> None:
    page = files["report.html"]
    assert "<script" not in page
    assert "src=" not in page
    assert "http://prometheus:9090" in page
    assert "3 objectives: 1 met, 1 missed, 1 inconclusive" in page


def test_the_document_is_json_without_surprises(files: dict[str, str]) -> None:
    said = json.loads(files["report.json"])
    assert said["format"] == "letta-slo-production/1"
    assert [one["verdict"] for one in said["objectives"]] == ["met", "missed", "inconclusive"]
    assert said["objectives"][1]["burn_rate"] == pytest.approx(400 / 4400 / 0.01)


def test_an_objective_about_faults_is_not_judged_where_nothing_failed() -> None:
    quiet = replace(a_reading("bridge-fallback", 0, 0), total=0)
    window = a_window(a_reading("bridge-success", 40_000, 0), quiet)
    assert window.verdict is Verdict.MET
    assert [one.objective.name for one in window.not_judged] == ["bridge-fallback"]
