"""Where do the reports of a window of production go? The same four files as those of a run."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from junitparser import JUnitXml, TestCase, TestSuite

from report.intervals import bars
from report.junit import RESULTS
from report.page import asset, environment, row_of
from report.production import JudgedReading, JudgedWindow, left_text, notes_of, production_document, production_markdown
from report.redact import redact
from report.words import bad_count, share_text


def write_window(window: JudgedWindow, directory: Path) -> Path:
    """Write HTML, JSON, JUnit XML and Markdown; return the file of the page."""
    said = production_document(window)
    texts = {
        "report.html": production_page(window, said),
        "report.json": json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "junit.xml": production_junit(window),
        "summary.md": production_markdown(window),
    }
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (directory / name).write_text(redact(text), encoding="utf-8")
    return directory / "report.html"


def production_page(window: JudgedWindow, said: dict[str, Any]) -> str:
    """Return the page; `said` is the document of the same window."""
    axis, intervals = bars(tuple(each.one for each in window.readings))
    return (
        environment()
        .get_template("production.html.j2")
        .render(
            said=said,
            axis=axis,
            intervals=intervals,
            rows={each.one.objective.name: row_of(each.one) for each in window.readings},
            left={each.one.objective.name: left_text(each.budget) for each in window.readings if each.budget},
            style=asset("style.css"),
        )
    )


def production_junit(window: JudgedWindow) -> str:
    """Return a suite for each service and a case for each objective."""
    xml = JUnitXml("letta-slo")
    for service in dict.fromkeys(each.one.objective.service for each in window.readings):
        suite = TestSuite(service)
        mine = [each for each in window.readings if each.one.objective.service == service]
        suite.add_testcases([_case(each, window.to_s - window.from_s) for each in mine])
        xml.add_testsuite(suite)
    xml.update_statistics()  # type: ignore[no-untyped-call] # junitparser leaves it unannotated
    buffer = io.BytesIO()
    xml.write(buffer, pretty=True)
    return buffer.getvalue().decode()


def _case(each: JudgedReading, length_s: float) -> TestCase:
    one = each.one
    case = TestCase(one.objective.name, classname=one.objective.service, time=length_s)
    counts = f"{bad_count(one):,} bad of {one.judgement.total:,}, bad share {share_text(one)}"
    sentence = "; ".join([counts, *notes_of(each)])
    if result := RESULTS.get(one.verdict):
        made = result(message=redact(sentence), type_=one.verdict.value)
        made.text = redact(one.judgement.assumption)
        case.result = [made]
    case.system_out = redact(f"{one.verdict.value}: {sentence}")
    return case
