"""`locust -f loadtests` by itself: headless, and with its web page."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from loadgen.run_folder import RunFolder
from loadgen.samples import OPERATIONS, Outcome
from loadgen.web import LABELS
from report.judge import judge
from slo.catalog import load
from slo.validity import ReasonCode
from testbed.ports import free_port
from testbed.process import Part, python_part, start
from tests.processes import eventually

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
QUIET = ("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=8000", "--dump-dom")


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Part]:
    command = python_part("testbed.letta_stub", "--port", "0", "--control-port", "0")
    with start("letta-stub", command, log_dir=tmp_path / "logs") as part:
        yield part


def locust(tmp_path: Path, stub: Part, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests"), "-H", str(stub.announced["url"])]
    return [*command, "--agents", "60", "--runs-dir", str(tmp_path / "runs"), *arguments]


def the_run(tmp_path: Path) -> RunFolder:
    (path,) = (tmp_path / "runs").iterdir()
    return RunFolder(path)


def agents_on(stub: Part) -> int:
    return len(httpx.get(f"{stub.announced['url']}/v1/agents/?limit=100", timeout=10).json())


def test_headless_users_are_requests_a_second_and_what_was_made_is_removed(tmp_path: Path, stub: Part) -> None:
    command = locust(tmp_path, stub, "--headless", "--only-summary", "-u", "40", "-r", "40", "-t", "12")
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    samples = the_run(tmp_path).samples
    assert not samples["outcome"].any()
    steady = samples[samples["intended_ns"] > 6e9]
    seconds = (steady["intended_ns"].max() - 6e9) / 1e9
    assert len(steady) / seconds == pytest.approx(40, rel=0.25)
    assert agents_on(stub) == 0


def test_classes_named_on_the_command_line_choose_the_scenarios(tmp_path: Path, stub: Part) -> None:
    command = locust(tmp_path, stub, "--headless", "--only-summary", "-u", "10", "-r", "10", "-t", "4", "Health")
    subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    folder = the_run(tmp_path)
    assert {OPERATIONS[code] for code in folder.samples["operation"].tolist()} == {"health"}
    assert folder.plan.agents == ()  # nothing was made for a scenario that needs nothing


def test_a_failed_request_makes_plain_locust_exit_with_1(tmp_path: Path, stub: Part) -> None:
    command = locust(tmp_path, stub, "--headless", "--only-summary", "-u", "10", "-r", "10", "-t", "4", "BlocksRead")
    broken = {"faults": [{"operation": "blocks", "kind": "status", "status": 500, "share": 1.0}]}
    httpx.patch(f"{stub.announced['control']}/behaviour", json=broken, timeout=10).raise_for_status()
    assert subprocess.run(command, capture_output=True, cwd=ROOT, check=False).returncode == 1


def test_a_run_of_plain_locust_can_be_judged(tmp_path: Path, stub: Part) -> None:
    command = locust(tmp_path, stub, "--headless", "--only-summary", "-u", "20", "-r", "20", "-t", "5")
    subprocess.run(command, capture_output=True, cwd=ROOT, check=True)
    judged = judge(the_run(tmp_path), load())
    assert {reason.code for reason in judged.invalid} <= {ReasonCode.LATE}  # a machine that is robbed of its time
    assert judged.is_stub
    assert {one.objective.service for one in judged.objectives} == {"letta-api"}


def test_two_processes_share_the_rate(tmp_path: Path, stub: Part) -> None:
    arguments = ("--headless", "--only-summary", "-u", "40", "-r", "40", "-t", "10", "--processes", "2")
    done = subprocess.run(locust(tmp_path, stub, *arguments), capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    folder = the_run(tmp_path)
    assert len(folder.ends) == 2
    by_worker = np.bincount(folder.samples["worker"])
    assert min(by_worker) > 0.5 * max(by_worker)
    requests = set(zip(folder.samples["number"].tolist(), folder.samples["turn"].tolist(), strict=True))
    assert len(requests) == len(folder.samples)  # numbers of different workers never meet


@contextmanager
def web_page(tmp_path: Path, stub: Part) -> Iterator[str]:
    port = free_port()
    command = locust(tmp_path, stub, "--web-host", "127.0.0.1", "--web-port", str(port))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            eventually(lambda: is_up(address))
            yield address
        finally:
            process.terminate()


def is_up(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2).is_success
    except httpx.TransportError:
        return False


def test_the_web_page_starts_changes_and_stops_a_run(tmp_path: Path, stub: Part) -> None:
    with web_page(tmp_path, stub) as address:
        form = {"user_count": "30", "spawn_rate": "30", "host": stub.announced["url"]}
        assert httpx.post(f"{address}/swarm", data=form, timeout=30).json()["success"]
        eventually(lambda: httpx.get(f"{address}/stats/requests").json()["total_rps"] > 15)
        assert httpx.post(f"{address}/stop", timeout=60).json()["success"]
        eventually(lambda: the_run(tmp_path).ends)
        eventually(lambda: agents_on(stub) == 0)
    samples = the_run(tmp_path).samples
    assert len(samples) > 50
    assert not samples["outcome"].any(), Outcome(int(samples["outcome"].max()))


def test_the_web_page_says_why_a_run_did_not_begin(tmp_path: Path, stub: Part) -> None:
    with web_page(tmp_path, stub) as address:
        form = {"user_count": "5", "spawn_rate": "5", "host": "http://127.0.0.1:1"}
        httpx.post(f"{address}/swarm", data=form, timeout=30)
        eventually(lambda: httpx.get(f"{address}/exceptions").json()["exceptions"])
        assert "127.0.0.1:1: ConnectError" in httpx.get(f"{address}/exceptions").json()["exceptions"][0]["msg"]
        eventually(lambda: httpx.get(f"{address}/stats/requests").json()["state"] in {"stopped", "ready"})


@pytest.mark.real
@pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="no Chromium on this machine")
def test_in_a_browser_the_page_asks_for_a_rate_and_not_for_users(tmp_path: Path, stub: Part) -> None:
    assert CHROMIUM is not None, "CI needs Chromium: bash tests/real-parts"
    with web_page(tmp_path, stub) as address:
        command = [CHROMIUM, *FLAGS, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", address]
        dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert [ours for ours in LABELS.values() if ours not in dom] == []
    assert [theirs for theirs in LABELS if theirs in dom] == []
