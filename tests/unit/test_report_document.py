"""The JSON report keeps to its published schema, is exact where it can be, and says what the run says."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from report.document import FORMAT, document, schema
from report.judge import JudgedRun, judge
from report.write import write_reports
from slo.catalog import load
from slo.objective import Catalogue
from tests.made_runs import DRILL, HEALTHY, INVALID, MISSES, STORIES, Story, make, remembered


@cache
def judged(name: str) -> JudgedRun:
    return judge(remembered(name), load())


@cache
def said(name: str) -> dict[str, Any]:
    return document(judged(name))


@pytest.mark.parametrize("name", STORIES)
def test_every_report_keeps_to_the_published_schema(name: str) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    assert [error.message for error in validator.iter_errors(said(name))] == []


def test_the_schema_is_a_schema_and_names_the_format() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["format"]["const"] == FORMAT


def test_every_object_of_the_schema_is_closed_or_a_map() -> None:
    def objects(node: Any) -> list[dict[str, Any]]:
        if isinstance(node, list):
            return [found for item in node for found in objects(item)]
        if not isinstance(node, dict):
            return []
        own = [node] if node.get("type") == "object" else []
        return own + [found for item in node.values() for found in objects(item)]

    assert [node for node in objects(schema()) if "additionalProperties" not in node] == []


def test_an_unknown_key_or_a_missing_one_is_refused_by_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    good = said("healthy")
    assert list(validator.iter_errors({**good, "extra": 1}))
    assert list(validator.iter_errors({key: value for key, value in good.items() if key != "verdict"}))


def test_the_headline_counts_verdicts_and_says_stub() -> None:
    assert said("healthy")["headline"] == "7 objectives: 7 met — on a STUB"
    assert said("healthy")["is_stub"] is True


def test_a_run_on_real_servers_does_not_say_stub() -> None:
    run = judged("healthy")
    manifest = json.loads(json.dumps(run.folder.manifest))
    for target in manifest["targets"].values():
        target["kind"] = "own"
    folder = replace(run.folder)
    vars(folder).update({**vars(run.folder), "manifest": manifest})
    assert "STUB" not in document(replace(run, folder=folder))["headline"]


def test_an_invalid_run_says_that_nothing_is_met_or_missed() -> None:
    invalid = said("invalid")
    assert invalid["verdict"] == "invalid run"
    assert invalid["headline"] == "Invalid run: none of 7 objectives is met or missed — on a STUB"
    assert {one["verdict"] for one in invalid["objectives"]} == {"invalid run"}
    assert {reason["code"] for reason in invalid["invalid"]} == {"not reached", "late", "dropped"}


def test_a_run_that_judged_nothing_has_no_data(tmp_path: Path) -> None:
    run = judge(make(tmp_path, HEALTHY, rate_factor=0.05), Catalogue(()))
    assert document(run)["headline"] == "No data: no objective was judged — on a STUB"


def test_counts_are_whole_and_shares_exact() -> None:
    for one in said("misses")["objectives"]:
        share = one["share"]
        if share is None:
            continue
        assert share["good"] + share["bad"] == share["total"]
        assert Fraction(share["bad_share"]["exact"]) == Fraction(share["bad"], share["total"])
        budget = Fraction(share["bad"]) / (share["total"] * Fraction(one["allowed_bad"]["exact"]))
        assert Fraction(share["budget_used"]["exact"]) == budget
        assert 1 - Fraction(one["target"]["exact"]) == Fraction(one["allowed_bad"]["exact"])
        assert sum(one["bad_by_reason"].values()) == share["bad"]


def test_what_was_not_judged_is_listed_with_its_reason() -> None:
    assert said("healthy")["not_judged"] == [
        {
            "name": "bridge-fallback",
            "title": load().objective("bridge-fallback").title,
            "service": "letta-bridge",
            "why": "this run had no drill phase",
        }
    ]


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = make(tmp_path, DRILL, rate_factor=0.3)
    first = write_reports(judge(folder, load()), tmp_path / "first")
    again = write_reports(judge(replace(folder), load()), tmp_path / "again")
    assert {kind: file.name for kind, file in first.items()} == {
        "html": "report.html",
        "json": "report.json",
        "junit": "junit.xml",
        "markdown": "summary.md",
    }
    for kind, file in first.items():
        assert file.read_bytes() == again[kind].read_bytes()


@pytest.mark.parametrize("story", [HEALTHY, MISSES, INVALID], ids=lambda story: story.name)
def test_a_run_with_very_few_requests_still_makes_all_reports(tmp_path: Path, story: Story) -> None:
    folder = make(tmp_path, story, rate_factor=0.01, workers=1)
    run = judge(folder, load())
    for file in write_reports(run, tmp_path / "out").values():
        assert file.stat().st_size > 0
    assert not list(jsonschema.Draft202012Validator(schema()).iter_errors(document(run)))
