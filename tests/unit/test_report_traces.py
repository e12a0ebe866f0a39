"""The spans of slow requests in a report: found by the request's id, in the order of a tree, and never in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan import Phases, RunPlan
from loadgen.run_folder import RunFolder, RunFolderError, write_telemetry
from loadgen.traces import trace_id, traceparent
from report.document import document, schema
from report.judge import judge
from report.page import page
from report.traces import Traces
from slo.catalog import load
from tests.made_runs import HEALTHY, make

ORIGIN_NS = 1_795_000_000_000_000_000
TRACE_URL = "https://traces.example/{trace_id}?from=letta-slo"


def span(request_id: str, number: int, parent: int = 0, **more: Any) -> dict[str, Any]:
    start_ns = ORIGIN_NS + number * 10_000_000
    made = {"trace_id": trace_id(request_id), "span_id": f"{number:016x}", "parent_id": f"{parent:016x}"}
    times = {"start_unix_ns": start_ns, "end_unix_ns": start_ns + 5_000_000}
    return {
        **made,
        **times,
        "name": f"s{number}",
        "service": "b",
        "kind": "client",
        "is_error": False,
        "error": "",
        **more,
    }


def found(spans: list[dict[str, Any]] | None, due_s: float = 0.0, url: str = "") -> Any:
    return Traces(url, ORIGIN_NS, spans).find("run-1-0", due_s)


def test_a_request_and_its_trace_are_found_from_each_other() -> None:
    version, trace, parent, flags = traceparent("run-1-0").split("-")
    assert (version, trace, flags) == ("00", trace_id("run-1-0"), "01")
    assert len(trace) == 32 and len(parent) == 16
    assert trace_id("run-1-1") != trace


def test_spans_come_as_a_tree_by_time_whatever_order_they_were_read_in() -> None:
    spans = [span("run-1-0", number, parent) for number, parent in ((4, 2), (3, 1), (1, 0), (2, 1), (5, 3))]
    read = found([*spans, span("another", 9)], due_s=0.005)
    assert [(one.name, one.depth) for one in read.spans] == [("s1", 0), ("s2", 1), ("s4", 2), ("s3", 1), ("s5", 2)]
    assert (read.spans[0].start_ms, read.spans[0].duration_ms) == (5.0, 5.0)


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12)), max_size=30))
def test_whatever_parents_are_said_no_span_is_shown_twice(pairs: list[tuple[int, int]]) -> None:
    spans = [span("run-1-0", number, parent) for number, parent in dict(pairs).items()]
    names = [one.name for one in found(spans).spans]
    assert len(names) == len(set(names))


def test_of_a_long_trace_the_longest_spans_are_shown_and_the_others_counted() -> None:
    spans = [span("run-1-0", number, min(number - 1, 1)) for number in range(1, 101)]
    for one in (spans[0], *spans[70:]):
        one["end_unix_ns"] += 1_000_000_000
    read = found(spans)
    assert (len(read.spans), read.left_out) == (40, 60)
    assert [one.name for one in read.spans if one.duration_ms > 1000] == [
        "s1",
        *(f"s{number}" for number in range(71, 101)),
    ]
    assert [one.start_ms for one in read.spans] == sorted(one.start_ms for one in read.spans)


def test_a_run_that_could_read_no_spans_still_links_to_the_trace() -> None:
    read = found(None, url=TRACE_URL)
    assert read.spans is None
    assert read.url == f"https://traces.example/{trace_id('run-1-0')}?from=letta-slo"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x"])
def test_an_address_that_is_none_becomes_no_link(url: str) -> None:
    assert found([], url=url).url == ""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return make(tmp_path, HEALTHY)


def first_request(folder: RunFolder) -> str:
    slowest = max(folder.notes, key=lambda note: float(note["response_ms"]))
    return f"{folder.plan.run_id}-{slowest['number']}-{slowest['turn']}"


def test_the_report_shows_the_spans_and_the_findings(folder: RunFolder) -> None:
    request_id = first_request(folder)
    spans = [span(request_id, 1, name="process letta_requests"), span(request_id, 2, 1, name="<b>", is_error=True)]
    found = [{"finding": "unknown metric: metric x: the registry has no such name", "times": 3}]
    told = {"trace_url": TRACE_URL, "origin_unix_ns": ORIGIN_NS, "spans": spans, "live_check": found}
    write_telemetry(folder.path, told)
    run = judge(RunFolder(folder.path), load())
    said = document(run)
    jsonschema.Draft202012Validator(schema()).validate(said)
    trace = said["slowest"][0]["trace"]
    assert [one["name"] for one in trace["spans"]] == ["process letta_requests", "<b>"]
    assert said["telemetry"] == {"findings": found}
    html = page(run, said)
    assert f'href="https://traces.example/{trace_id(request_id)}?from=letta-slo"' in html
    assert "process letta_requests" in html and "&lt;b&gt;" in html and "<b></td>" not in html
    assert "unknown metric: metric x" in html and "(3 times)" in html


def test_a_run_without_telemetry_says_nothing_of_traces(folder: RunFolder) -> None:
    said = document(judge(folder, load()))
    assert said["telemetry"] is None
    assert {one["trace"] for one in said["slowest"]} == {None}


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"trace_url": ""}', '{"trace_url": "", "origin_unix_ns": 1, "spans": 3}']
)
def test_what_is_no_telemetry_is_named(folder: RunFolder, content: str) -> None:
    (folder.path / "telemetry.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"telemetry\.json"):
        document(judge(RunFolder(folder.path), load()))


def test_a_plan_of_before_is_not_traced() -> None:
    plan = RunPlan("run-1", ".", 1, {"bridge": 1.0}, Phases(0, 1)).to_dict()
    del plan["traced"]
    assert not RunPlan.from_dict(plan).traced
