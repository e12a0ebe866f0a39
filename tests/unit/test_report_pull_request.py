"""What a pull request and a CI server get: Markdown that stays small and safe, JUnit XML with a result a verdict.

The golden files show one made run; `UPDATE_GOLDEN=1 pytest tests/unit/test_report_pull_request.py` writes them again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from report.document import document
from report.judge import JudgedObjective, JudgedRun, NotJudged, judge
from report.junit import junit
from report.markdown import LARGEST_BYTES, escape, markdown
from slo.catalog import load
from slo.share import InvariantJudgement, ShareJudgement
from slo.verdict import Verdict
from tests.made_runs import HEALTHY, INVALID, make

GOLDEN = Path(__file__).parents[1] / "golden" / "report"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> JudgedRun:
    """A run with one objective of each verdict; the judgements are given, so no statistics decide what is compared."""
    judged = judge(make(tmp_path_factory.mktemp("runs"), HEALTHY, rate_factor=0.1), load())
    verdicts = [Verdict.MET, Verdict.MISSED, Verdict.INCONCLUSIVE, Verdict.NO_DATA]
    shares = [one for one in judged.objectives if one.objective.target is not None]
    made = tuple(given(one, verdict) for one, verdict in zip(shares, verdicts, strict=False))
    left_out = (NotJudged(load().objective("bridge-fallback"), "this run had no drill phase"),)
    return replace(
        judged, verdict=Verdict.MISSED, objectives=(*made, lossless(judged)), not_judged=left_out, invalid=()
    )


def given(one: JudgedObjective, verdict: Verdict) -> JudgedObjective:
    bad, total = {"met": (1, 10_000), "missed": (900, 10_000), "inconclusive": (3, 50)}.get(verdict.value, (0, 0))
    judgement = ShareJudgement(
        verdict=verdict,
        good=total - bad,
        bad=bad,
        total=total,
        unsent=0,
        bad_share=bad / total if total else None,
        lower=0.5 * bad / total if total else 0.0,
        upper=2 * bad / total if total else 1.0,
        dispersion=1.0,
        effective_total=float(total),
        assumption="given by a test" if total else "no request counts for this objective",
        point_estimate_passes=verdict is Verdict.MET,
        allowed_bad=Fraction(1, 100),
        confidence=0.95,
    )
    objective = replace(one.objective, title=f"Made | {verdict.value}", source="given by a test")
    return JudgedObjective(objective, verdict, judgement, {}, {})


def lossless(judged: JudgedRun) -> JudgedObjective:
    one = next(one for one in judged.objectives if one.objective.target is None)
    judgement = InvariantJudgement(Verdict.MET, 0, 1_000, True, 0.003, 0.95, "none of 1,000")
    return replace(one, verdict=Verdict.MET, judgement=judgement, objective=replace(one.objective, source="a test"))


@pytest.mark.parametrize(("name", "write"), [("summary.md", markdown), ("junit.xml", junit)])
def test_what_is_written_for_a_pull_request_is_what_the_golden_file_shows(
    run: JudgedRun, name: str, write: Callable[[JudgedRun, dict[str, Any]], str]
) -> None:
    text = write(run, document(run))
    if os.environ.get("UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_each_verdict_has_its_own_result_in_junit(run: JudgedRun) -> None:
    xml = JUnitXml.fromstring(junit(run, document(run)).encode())
    results = {case.name: case.result for suite in xml for case in suite}
    kinds = {
        verdict: type(results[one.objective.name][0]) if results[one.objective.name] else None
        for one in run.objectives
        for verdict in [one.verdict]
    }
    assert kinds == {
        Verdict.MET: None,
        Verdict.MISSED: Failure,
        Verdict.INCONCLUSIVE: Skipped,
        Verdict.NO_DATA: Error,
    }
    assert results["bridge-fallback"][0].message == "not judged: this run had no drill phase"
    assert [suite.name for suite in xml] == ["letta-api (STUB)", "letta-bridge (STUB)"]


def test_an_invalid_run_is_an_error_in_every_case(tmp_path: Path) -> None:
    run = judge(make(tmp_path, INVALID, rate_factor=0.2), load())
    xml = JUnitXml.fromstring(junit(run, document(run)).encode())
    judged = [case for suite in xml for case in suite if case.name != "bridge-fallback"]
    assert all(isinstance(case.result[0], Error) and case.result[0].type == "invalid run" for case in judged)


def test_the_headline_of_the_summary_says_stub(run: JudgedRun) -> None:
    assert markdown(run, document(run)).splitlines()[0].endswith("on a **STUB**")


def test_a_summary_that_grows_too_large_leaves_out_details(run: JudgedRun) -> None:
    wordy = replace(run.objectives[0], judgement=replace(run.objectives[0].judgement, assumption="long " * 4_000))
    text = markdown(many := replace(run, objectives=(wordy,) * 9), document(many))
    assert len(text.encode()) <= LARGEST_BYTES
    assert "more parts are in report.html" in text
    assert text.count("| ✅ **met** |") == 9


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b\nc", "a&#124;b c"),
        ("@team <b> #1", "&#64;team &#60;b&#62; &#35;1"),
        ("[x](http://evil)", "&#91;x&#93;(http&#58;//evil)"),
        ("`rm` _x_ *y*", "&#96;rm&#96; &#95;x&#95; &#42;y&#42;"),
        ("95 % of (all) requests", "95 % of (all) requests"),
    ],
)
def test_text_for_markdown_is_nothing_but_text(text: str, escaped: str) -> None:
    assert escape(text) == escaped
