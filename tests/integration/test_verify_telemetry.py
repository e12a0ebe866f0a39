"""`letta-slo verify --telemetry`: where a slow request's time went, from spans that reached the double of APM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from letta_slo.main import cli
from testbed.collector import program
from testbed.process import PartError

try:
    BUILT: Path | None = program()
except PartError:
    BUILT = None

COMMAND = str(Path(sys.executable).with_name("letta-slo"))
TRACE_URL = "https://traces.example/{trace_id}"
# Three of the slowest go to Letta itself, where nobody traces them further; which ones do is chance otherwise.
THREE_SLOW_STREAMS = json.dumps({"faults": [{"operation": "stream", "kind": "slow", "delay_s": 3.0, "remaining": 3}]})
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(240),
    pytest.mark.skipif(BUILT is None and os.environ.get("CI") != "true", reason="`make collector` builds it"),
]


def verify(folder: Path, *more: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "verify", "--telemetry", "--duration", "8", "--warmup", "0", "--no-drill", *more]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env={**os.environ, **variables}, check=False
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("told")
    done = verify(folder, "--trace-url", TRACE_URL, "--stub-behaviour", THREE_SLOW_STREAMS)
    (file,) = (folder / "runs").glob("*/report.json")
    said = json.loads(file.read_text())
    yield {**said, "html": file.with_name("report.html").read_text(), "printed": done.stdout + done.stderr}


def test_a_slow_request_through_the_bridge_has_its_spans_and_they_explain_its_time(report: dict[str, Any]) -> None:
    slow = [one for one in report["slowest"] if one["operation"] == "bridge"]
    assert slow, report["printed"]
    for one in slow:
        root, *others = one["trace"]["spans"]
        assert (root["name"], root["kind"], root["depth"]) == ("process letta_requests", "consumer", 0)
        assert {"POST /v1/agents/{agent_id}/messages", "send letta_responses"} <= {each["name"] for each in others}
        assert {each["depth"] for each in others} == {1}
        # Both clocks are this machine's: what the user waited for holds what the bridge did, but for its last moment,
        # in which the reply is at the user and the span has not ended yet.
        assert one["lag_ms"] <= root["start_ms"] + 1
        assert root["duration_ms"] <= one["response_ms"] + 50


def test_requests_that_nobody_traced_further_say_so(report: dict[str, Any]) -> None:
    at_letta = [one for one in report["slowest"] if one["operation"] != "bridge"]
    assert len([one for one in at_letta if one["operation"] == "stream"]) >= 3, report["printed"]
    assert {tuple(one["trace"]["spans"]) for one in at_letta} == {()}
    assert "No span of its trace came." in report["html"]


def test_each_is_linked_to_where_its_trace_is_looked_at(report: dict[str, Any]) -> None:
    for one in report["slowest"]:
        assert f'href="https://traces.example/{one["trace"]["id"]}"' in report["html"]


def test_all_that_was_sent_was_held_against_the_registry_and_keeps_to_it(report: dict[str, Any]) -> None:
    assert report["telemetry"] == {"findings": []}


def test_without_a_collector_it_is_said_how_it_is_built(tmp_path: Path) -> None:
    done = verify(tmp_path, LETTA_SLO_COLLECTOR=str(tmp_path / "none"), PATH="/usr/bin")
    assert done.returncode == 5
    assert "`make collector` builds it" in done.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--trace-url", TRACE_URL), "--trace-url needs --telemetry"),
        (("--telemetry", "--trace-url", "https://a.example/"), "{trace_id} in it"),
        (("--telemetry", "--trace-url", "javascript:{trace_id}"), "an address with http:// or https://"),
    ],
)
def test_an_address_that_leads_to_no_trace_is_refused(options: tuple[str, ...], complaint: str) -> None:
    done = CliRunner().invoke(cli, ["verify", *options])
    assert done.exit_code == 2
    assert complaint in done.output
