"""What does a CI server get to count? JUnit XML: a suite a service, a case an objective."""

from __future__ import annotations

import io
from typing import Any

from junitparser import Error, Failure, JUnitXml, Properties, Property, Skipped, TestCase, TestSuite

from report.judge import JudgedObjective, JudgedRun, NotJudged
from report.redact import redact
from report.words import bad_count, budget_text, percentile_text, share_text
from slo.verdict import Verdict

# `met` has no entry: a case without a result has passed. No data and an invalid run are errors, since nothing was
# learned; too little data is skipped, since the exit code of the command line says what that means to a pipeline.
RESULTS: dict[Verdict, type[Failure] | type[Error] | type[Skipped]] = {
    Verdict.MISSED: Failure,
    Verdict.INCONCLUSIVE: Skipped,
    Verdict.NO_DATA: Error,
    Verdict.INVALID_RUN: Error,
}


def junit(run: JudgedRun, said: dict[str, Any]) -> str:
    """Return the XML; `said` is the document of the same run. Names of suites say STUB when a double answered."""
    services = list(dict.fromkeys(one.objective.service for group in (run.objectives, run.not_judged) for one in group))
    xml = JUnitXml("letta-slo")
    for service in services:
        xml.add_testsuite(_suite(run, said, service))
    xml.update_statistics()  # type: ignore[no-untyped-call] # junitparser leaves it unannotated
    buffer = io.BytesIO()
    xml.write(buffer, pretty=True)
    return buffer.getvalue().decode()


def _suite(run: JudgedRun, said: dict[str, Any], service: str) -> TestSuite:
    suite = TestSuite(service + (" (STUB)" if said["targets"].get(service, {}).get("kind") == "stub" else ""))
    if said["run"]["started_at"]:
        suite.timestamp = str(said["run"]["started_at"])
    properties = Properties()  # type: ignore[no-untyped-call] # as above
    held = {"run": said["run"]["id"], "headline": said["headline"], "stub": str(said["is_stub"]).lower()}
    for name, value in held.items():
        properties.append(Property(name, value))  # type: ignore[no-untyped-call] # as above
    suite.append(properties)  # type: ignore[no-untyped-call] # as above
    suite.add_testcases([_case(run, one) for one in run.objectives if one.objective.service == service])
    suite.add_testcases([_left_out(one) for one in run.not_judged if one.objective.service == service])
    return suite


def _case(run: JudgedRun, one: JudgedObjective) -> TestCase:
    bounds = run.folder.plan.phases.bounds_s
    phases = [bounds[phase.value] for phase in one.objective.samples.phases if phase.value in bounds]
    case = TestCase(one.objective.name, classname=one.objective.service, time=sum(end - start for start, end in phases))
    result = RESULTS.get(one.verdict)
    sentence = _sentence(run, one)
    if result is not None:
        made = result(message=redact(sentence), type_=one.verdict.value)
        made.text = redact(one.judgement.assumption)
        case.result = [made]
    case.system_out = redact(f"{one.verdict.value}: {sentence}")
    return case


def _left_out(one: NotJudged) -> TestCase:
    case = TestCase(one.objective.name, classname=one.objective.service, time=0.0)
    case.result = [Skipped(message=f"not judged: {one.why}", type_="not judged")]
    return case


def _sentence(run: JudgedRun, one: JudgedObjective) -> str:
    if run.invalid:
        return "invalid run: " + "; ".join(reason.sentence for reason in run.invalid)
    counts = f"{bad_count(one):,} bad of {one.judgement.total:,}"
    if one.objective.target is None:
        return counts
    return f"{counts}, bad share {share_text(one)}, {budget_text(one)} of the budget, p95 {percentile_text(one, 95)}"
