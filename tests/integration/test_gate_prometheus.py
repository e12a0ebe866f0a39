"""`gate --prometheus` against a real Prometheus: its counts are those of what happened, to the unit."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from letta_slo import exit_codes
from letta_slo.session import Wish, plan_of, run
from letta_slo.targets import Targets
from letta_slo.terminal import Talk
from loadgen import tiers
from loadgen.plan import Phases
from production.client import connect
from production.reading import Reading, read
from report.judge import judge
from slo.catalog import load
from slo.objective import Objective, Source
from slo.share import ShareJudgement
from testbed.embedded import EmbeddedTestbed
from testbed.letta_stub.server_metrics import ServerMetrics
from testbed.prometheus_server import PrometheusServer
from tests.bridge_counters import BridgeCounters
from tests.exporter import Exporter
from tests.native import CONTENT_TYPE, counter, histogram

COMMAND = str(Path(sys.executable).with_name("letta-slo"))
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        shutil.which("prometheus") is None and os.environ.get("CI") != "true", reason="no Prometheus on this machine"
    ),
]


def gate(url: str, from_s: float, to_s: float, *arguments: str) -> subprocess.CompletedProcess[str]:
    when = ("--from", f"{_text(from_s)}", "--to", f"{_text(to_s)}")
    return subprocess.run(
        [COMMAND, "gate", "--prometheus", url, *when, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


def _text(unix_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix_s)) + f".{int(unix_s % 1 * 1e6):06d}Z"


def reading(url: str, objective: Objective, from_s: float, to_s: float) -> Reading:
    with connect(url) as prometheus:
        return read(prometheus, objective, from_s, to_s)


def good_and_total(found: Reading) -> tuple[int, int]:
    return int(found.counts.good.sum()), int((found.counts.good + found.counts.bad).sum())


@pytest.mark.parametrize("name", ["bridge-response-time", "bridge-success", "bridge-answered-by-letta"])
def test_generated_events_count_the_same_through_the_filter_and_through_a_scraped_histogram(
    tmp_path: Path, name: str
) -> None:
    """Rounds of random events, with a restart of the process and a refused scrape between rounds."""
    objective, dice = load().objective(name), random.Random(name)
    metrics = BridgeCounters()
    good = total = 0
    with (
        Exporter(lambda: metrics.exposition()) as exporter,  # noqa: PLW0108 - another object after the restart
        PrometheusServer(tmp_path, {"letta-bridge": exporter.address}, interval_s=0.5) as prometheus,
    ):
        exporter.wait_for_scrapes(1)
        from_s = time.time()
        for round_number in range(8):
            for _ in range(dice.randrange(60)):
                error, source, took_s = dice.random() < 0.1, dice.choice(list(Source)), dice.uniform(0.001, 4.0)
                total += 1
                good += objective.samples.is_good(error=error, measured_s=took_s, source=source)
                if error:
                    metrics.failed("letta", took_s)
                else:
                    metrics.answered("letta", source.value, took_s)
            exporter.wait_for_scrapes(1)
            if round_number == 3:
                metrics = BridgeCounters()  # a new process, whose counters begin at zero
                exporter.wait_for_scrapes(1)
            if round_number == 5:
                exporter.refuse(1)
                exporter.wait_for_scrapes(1)
        found = reading(prometheus.url, objective, from_s, time.time())
    assert good_and_total(found) == (good, total)
    assert any("began again" in text for text in found.said)
    assert any("scrapes were missed" in text for text in found.said)


def test_the_server_histogram_counts_what_the_filter_counts(tmp_path: Path) -> None:
    objective, dice = load().objective("letta-message-latency"), random.Random(7)
    metrics, route = ServerMetrics(), "/v1/agents/{agent_id}/messages"
    good = total = 0
    with (
        Exporter(lambda: metrics.exposition().encode()) as exporter,
        PrometheusServer(tmp_path, {"letta-server": exporter.address}, interval_s=0.5) as prometheus,
    ):
        exporter.wait_for_scrapes(1)
        from_s = time.time()
        for _ in range(4):
            for _ in range(dice.randrange(80)):
                status, took_s = dice.choice([200, 200, 200, 500, 503]), dice.uniform(0.001, 4.0)
                total += 1
                good += objective.samples.is_good(error=status >= 500, measured_s=took_s)
                metrics.ended("POST", route, status, took_s)
                metrics.ended("GET", route, 200, took_s)  # listing messages has the same route
            exporter.wait_for_scrapes(1)
        found = reading(prometheus.url, objective, from_s, time.time())
    assert good_and_total(found) == (good, total)


def test_a_native_histogram_counts_the_same_as_the_filter(tmp_path: Path) -> None:
    """Also through a restart; its edges are powers of two, and 2 s is one."""
    objective, dice = load().objective("bridge-response-time"), random.Random(11)
    took: list[float] = []
    good = total = 0

    def exposition() -> bytes:
        routed = {"letta_bridge_route": "letta"}
        labels = {**routed, "letta_bridge_source": "letta", "letta_bridge_outcome": "success"}
        return counter("letta_bridge_requests_total", routed, len(took)) + histogram(
            "letta_bridge_response_duration_seconds", labels, took
        )

    with (
        Exporter(exposition, content_type=CONTENT_TYPE) as exporter,
        PrometheusServer(
            tmp_path,
            {"letta-bridge": exporter.address},
            interval_s=0.5,
            flags=["--enable-feature=native-histograms"],
        ) as prometheus,
    ):
        exporter.wait_for_scrapes(1)
        from_s = time.time()
        for round_number in range(6):
            for _ in range(dice.randrange(1, 60)):
                took.append(dice.uniform(0.001, 4.0))
                total += 1
                good += objective.samples.is_good(error=False, measured_s=took[-1])
            exporter.wait_for_scrapes(1)
            if round_number == 2:
                took.clear()
                exporter.wait_for_scrapes(1)
        found = reading(prometheus.url, objective, from_s, time.time())
    assert good_and_total(found) == (good, total)
    assert any("began again" in text for text in found.said)


def test_without_events_there_is_no_data_and_without_the_metric_it_is_said(tmp_path: Path) -> None:
    metrics = BridgeCounters()
    metrics.answered("letta", "letta", 0.1)  # before the period: a histogram is not there before its first event
    with (
        Exporter(metrics.exposition) as exporter,
        PrometheusServer(tmp_path, {"letta-bridge": exporter.address}, interval_s=0.5) as prometheus,
    ):
        exporter.wait_for_scrapes(2)
        from_s = time.time()
        exporter.wait_for_scrapes(3)
        idle = gate(prometheus.url, from_s, time.time(), "--only", "bridge-success")
        other = gate(prometheus.url, from_s, time.time(), "--only", "letta-api-availability")
        drill = gate(prometheus.url, from_s, time.time(), "--only", "bridge-fallback")
    assert idle.returncode == exit_codes.NO_DATA, idle.stdout + idle.stderr
    assert other.returncode == exit_codes.NO_DATA
    assert "there is no metric http_server_request_duration_seconds_count" in other.stdout
    assert "not judged" in drill.stdout


def test_verdict_budget_and_burn_rate_by_the_command(tmp_path: Path) -> None:
    metrics = BridgeCounters()
    with (
        Exporter(metrics.exposition) as exporter,
        PrometheusServer(tmp_path, {"letta-bridge": exporter.address}) as prometheus,
    ):
        exporter.wait_for_scrapes(1)
        from_s = time.time()
        for _ in range(6):
            for number in range(1000):
                metrics.answered("letta", "letta", 0.4 if number % 20 else 2.5)
            exporter.wait_for_scrapes(1)
        to_s = time.time()
        slow = gate(prometheus.url, from_s, to_s, "--only", "bridge-response-time", "--report-dir", str(tmp_path / "r"))
        fine = gate(prometheus.url, from_s, to_s, "--only", "bridge-success", "--format", "json")
    assert slow.returncode == exit_codes.MISSED, slow.stdout + slow.stderr
    assert "300 of 6000" in slow.stdout
    assert "burn rate 5" in slow.stdout
    assert "of the error budget of 28 days 400 % too much is spent" in slow.stdout
    said = json.loads((tmp_path / "r" / "report.json").read_text())
    assert said["objectives"][0]["budget"]["left"] == pytest.approx(-4)
    assert "burn rate" in (tmp_path / "r" / "summary.md").read_text()
    assert "400 % too much is spent" in (tmp_path / "r" / "report.html").read_text()
    assert 'type="missed"' in (tmp_path / "r" / "junit.xml").read_text()
    assert fine.returncode == exit_codes.MET, fine.stdout + fine.stderr
    assert json.loads(fine.stdout)["objectives"][0]["budget"]["left"] == 1


def test_a_gap_forbids_met_and_is_named(tmp_path: Path) -> None:
    metrics = BridgeCounters()
    with (
        Exporter(metrics.exposition) as exporter,
        PrometheusServer(tmp_path, {"letta-bridge": exporter.address}, interval_s=0.5) as prometheus,
    ):
        exporter.wait_for_scrapes(2)
        from_s = time.time()
        for _ in range(5000):
            metrics.answered("letta", "letta", 0.1)
        exporter.wait_for_scrapes(2)
        exporter.refuse(6)
        exporter.wait_for_scrapes(2)
        done = gate(prometheus.url, from_s, time.time(), "--only", "bridge-success")
    # `up` shows that the target was looked for, and not found: that is no view of its counters.
    assert done.returncode == exit_codes.INCONCLUSIVE, done.stdout + done.stderr
    assert "nothing was seen for" in done.stdout


def test_an_absent_server_is_unreachable_and_a_query_that_is_no_selector_is_wrong_usage() -> None:
    absent = gate("http://127.0.0.1:1", 0, 60)
    assert absent.returncode == exit_codes.TARGET_UNREACHABLE
    assert "Traceback" not in absent.stderr
    secret = gate("http://me:hunter2@127.0.0.1:1", 0, 60)
    assert secret.returncode == exit_codes.USAGE
    assert "hunter2" not in secret.stderr


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[EmbeddedTestbed]:
    with EmbeddedTestbed(tmp_path / "parts", agent_tag="letta-slo-run-counted") as bed:
        yield bed


def _forward(address: Callable[[], str]) -> Callable[[], bytes]:
    return lambda: httpx.get(f"{address()}/metrics", timeout=5).content


def _drive(bed: EmbeddedTestbed, folder: Path, *, at_letta: bool) -> dict[str, tuple[int, int]]:
    """Drive a part of the testbed for a while and return good and total of each objective that the folder shows."""
    phases = Phases(0, 6)
    wish = Wish(folder.name, folder, replace(tiers.load("small"), agents=60), 40.0, phases, 1, 1)
    targets = Targets("stub", bed.letta_url if at_letta else None, None if at_letta else bed.redis.url)
    judged = judge(run(plan_of(wish, targets), wish, targets, Talk(quiet=True)), load())
    assert judged.invalid == ()
    counts = {}
    for one in judged.objectives:
        if isinstance(one.judgement, ShareJudgement):
            counts[one.objective.name] = (one.judgement.good, one.judgement.total)
    return counts


def test_a_run_counts_the_same_in_its_folder_and_in_prometheus_through_a_restart_and_a_missed_scrape(
    tmp_path: Path, bed: EmbeddedTestbed
) -> None:
    names = ("bridge-response-time", "bridge-success", "bridge-answered-by-letta")
    control = _forward(lambda: str(bed.part("bridge").announced["control"]))
    with (
        Exporter(control) as exporter,
        PrometheusServer(tmp_path, {"letta-bridge": exporter.address}) as prometheus,
    ):
        exporter.wait_for_scrapes(1)
        from_s = time.time()
        first = _drive(bed, tmp_path / "first", at_letta=False)
        exporter.wait_for_scrapes(1)
        bed.part("bridge").stop()
        bed.restart_bridge()
        exporter.wait_for_scrapes(1)
        exporter.refuse(1)
        second = _drive(bed, tmp_path / "second", at_letta=False)
        exporter.wait_for_scrapes(1)
        to_s = time.time()
        found = {name: reading(prometheus.url, load().objective(name), from_s, to_s) for name in names}
    for name in names:
        expected = tuple(sum(both) for both in zip(first[name], second[name], strict=True))
        assert good_and_total(found[name]) == expected, name
        assert any("began again" in text for text in found[name].said)
        assert any("missed" in text for text in found[name].said)


def test_a_run_at_letta_counts_the_same_in_its_folder_and_in_prometheus(tmp_path: Path, bed: EmbeddedTestbed) -> None:
    with (
        Exporter(_forward(lambda: bed.letta_control)) as exporter,
        PrometheusServer(tmp_path, {"letta-server": exporter.address}) as prometheus,
    ):
        exporter.wait_for_scrapes(1)
        from_s = time.time()
        counted = _drive(bed, tmp_path / "run", at_letta=True)
        exporter.wait_for_scrapes(1)
        found = reading(prometheus.url, load().objective("letta-message-latency"), from_s, time.time())
    assert good_and_total(found) == counted["letta-message-latency"]
