"""Workers with a folder of their own and a master, over loopback: nothing is lost unseen or counted twice."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from letta_slo import exit_codes
from letta_slo.drive import drive
from loadgen import schedule
from loadgen.plan import Phases, RunPlan
from loadgen.run_folder import RunFolder, create
from loadgen.samples import Outcome
from report.facts import run_facts
from report.judge import judge
from slo.catalog import load
from testbed.ports import free_port
from testbed.process import Part, python_part, start
from tests.processes import eventually

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("letta-slo"))
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Part]:
    command = python_part("testbed.letta_stub", "--port", "0", "--control-port", "0")
    with start("letta-stub", command, log_dir=tmp_path / "logs") as part:
        yield part


@contextmanager
def master(place: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """Start a master in a directory of its own."""
    place.mkdir()
    out, both = subprocess.PIPE, subprocess.STDOUT
    environment = {**os.environ, "COLUMNS": "200"}
    with subprocess.Popen(command, stdout=out, stderr=both, text=True, cwd=place, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def workers_elsewhere(tmp_path: Path, port: int, count: int = 2) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start workers, each in a directory of its own, that do not see the master's folder."""
    command = [sys.executable, "-m", "tests.elsewhere", "-f", str(ROOT / "loadtests"), "--worker"]
    command += ["--master-host", "127.0.0.1", "--master-port", str(port)]
    processes = []
    for number in range(count):
        place = tmp_path / f"worker-{number}"
        place.mkdir()
        with (place / "log").open("wb") as log:
            env = {**os.environ, "PYTHONPATH": str(ROOT)}
            processes.append(subprocess.Popen(command, cwd=place, env=env, stdout=log, stderr=log))
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def verify(url: str, port: int, *more: str) -> list[str]:
    where = ("--letta-url", url, "--expect-workers", "2", "--master-bind", f"127.0.0.1:{port}")
    return [COMMAND, "verify", *where, "--tier", "tiny", "--rate", "30", "--warmup", "0", *more]


def the_run(place: Path) -> RunFolder:
    (path,) = (place / "runs").iterdir()
    return RunFolder(path)


def kept_elsewhere(tmp_path: Path, run: RunFolder) -> dict[str, bytes]:
    """Return what the workers have in folders of their own."""
    files = tmp_path.glob(f"worker-*/runs/{run.path.name}/*")
    return {file.name: file.read_bytes() for file in files}


def assert_whole(run: RunFolder, tmp_path: Path) -> None:
    """Both workers are done, their counts add up, and the master has every byte that they wrote."""
    facts = run_facts(run)
    assert (facts.workers_finished, facts.lost_workers, facts.samples_missing) == (2, (), 0)
    assert sum(int(end["samples"]) for end in run.ends) == len(run.samples)
    kept = kept_elsewhere(tmp_path, run)
    assert {"samples-0.bin", "samples-1.bin", "machine-0.jsonl", "machine-1.jsonl", "end-0.json", "end-1.json"} <= set(
        kept
    )
    assert {name: (run.path / name).read_bytes() == content for name, content in kept.items()} == dict.fromkeys(
        kept, True
    )
    requests = set(zip(run.samples["number"].tolist(), run.samples["turn"].tolist(), strict=True))
    assert len(requests) == len(run.samples)


def test_the_master_of_a_planned_run_ends_up_with_everything_that_its_workers_recorded(
    tmp_path: Path, stub: Part
) -> None:
    port = free_port()
    command = verify(str(stub.announced["url"]), port, "--duration", "6")
    with master(tmp_path / "master", *command) as process, workers_elsewhere(tmp_path, port) as workers:
        output, _ = process.communicate()
        assert all(worker.wait(60) is not None for worker in workers)
    logs = "".join(log.read_text() for log in tmp_path.glob("worker-*/log"))
    assert "Traceback" not in logs + output, logs + output
    assert f"locust -f loadtests --worker --master-host 127.0.0.1 --master-port {port}" in output
    run = the_run(tmp_path / "master")
    assert_whole(run, tmp_path)
    first_turns = run.samples[run.samples["turn"] == 0]
    assert sorted(first_turns["number"].tolist()) == list(range(len(schedule.of_plan(run.plan))))
    joined = [event for event in run.events if event["kind"] == "worker joined"]
    for event in joined:  # both read the clock of this machine: the truth is 0, and the bound must hold it
        assert abs(event["clock_offset_ms"]) <= event["clock_bound_ms"] == event["clock_error_ms"]
    assert [event["worker"] for event in joined] == [0, 1]
    assert sum(event["kind"] == "worker done" for event in run.events) == 2
    again = subprocess.run([COMMAND, "gate", str(run.path)], capture_output=True, text=True, check=False)
    assert again.returncode == process.returncode, output + again.stdout + again.stderr


def test_a_worker_elsewhere_that_is_killed_makes_the_run_invalid_and_is_named(tmp_path: Path, stub: Part) -> None:
    port = free_port()
    command = verify(str(stub.announced["url"]), port, "--duration", "8")
    with master(tmp_path / "master", *command) as process, workers_elsewhere(tmp_path, port) as workers:
        eventually(lambda: len(list(tmp_path.glob("master/runs/*/samples-*.bin"))) == 2, seconds=150)
        workers[0].kill()
        output, _ = process.communicate()
    assert process.returncode == exit_codes.INVALID_RUN, output
    assert re.search(r"1 of 2 workers left no end marker.*\(worker [01] on \S+\)", output)
    run = the_run(tmp_path / "master")
    (lost,) = {0, 1} - {end["worker"] for end in run.ends}
    assert [event["worker"] for event in run.events if event["kind"] == "worker lost"] == [lost]
    # What came before its death is there, and nothing else.
    name = f"samples-{lost}.bin"
    assert kept_elsewhere(tmp_path, run)[name].startswith((run.path / name).read_bytes())


def test_a_live_run_by_plain_locust_is_gathered_too_and_can_be_judged(tmp_path: Path, stub: Part) -> None:
    port = free_port()
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests"), "-H", str(stub.announced["url"])]
    command += ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(port), "--expect-workers", "2"]
    command += [
        "--headless",
        "--only-summary",
        "-u",
        "20",
        "-r",
        "20",
        "-t",
        "6",
        "--agents",
        "20",
        "Health",
        "BlocksRead",
    ]
    with master(tmp_path / "master", *command) as process, workers_elsewhere(tmp_path, port):
        output, _ = process.communicate()
    assert process.returncode == 0, output
    run = the_run(tmp_path / "master")
    assert_whole(run, tmp_path)
    assert judge(run, load()).facts.workers_finished == 2
    agents = httpx.get(f"{stub.announced['url']}/v1/agents/?limit=100", timeout=10).json()
    assert agents == []  # what the run made is taken away by the master, as ever


def test_two_workers_and_one_see_the_same_percentiles_of_the_same_service_times(tmp_path: Path, stub: Part) -> None:
    # The time of a request is a function of its number in the schedule, and far above what this machine adds to it.
    slow = {"seed_by": "number", "service_times": {"health": {"median_ms": 2000, "sigma": 0.25}}}
    httpx.patch(f"{stub.announced['control']}/behaviour", json=slow, timeout=10).raise_for_status()
    plan = RunPlan("run", "", 1, {"health": 40.0}, Phases(0, 6), letta_url=str(stub.announced["url"]))
    with ThreadPoolExecutor() as pool:  # at once: whatever else the machine does, it does to both
        one, two = pool.map(lambda workers: driven(tmp_path, plan, workers), (1, 2))
    assert [len(one.ends), len(two.ends)] == [1, 2]
    numbers = [sorted(run.samples["number"].tolist()) for run in (one, two)]
    assert numbers[0] == numbers[1] == list(range(len(schedule.of_plan(plan))))
    assert not any(run.samples["outcome"].any() for run in (one, two)), Outcome.OK
    counts = [merged_counts(run) for run in (one, two)]
    assert counts[0] == counts[1] == {"health": {"ok": len(numbers[0])}}
    for percentile in (50, 95, 99):
        assert service_ms(two, percentile) == pytest.approx(service_ms(one, percentile), rel=0.02), percentile


def driven(tmp_path: Path, plan: RunPlan, workers: int) -> RunFolder:
    path = tmp_path / f"by-{workers}"
    mine = replace(plan, run_id=f"by-{workers}", folder=str(path))
    folder = create(path, {"workers": workers, "targets": {}, "plan": mine.to_dict()})
    mine.write(path / "plan.json")
    drive(mine, path / "plan.json", workers=workers)
    return folder


def merged_counts(run: RunFolder) -> dict[str, dict[str, int]]:
    """Add up what the end markers of all workers count."""
    total: dict[str, dict[str, int]] = {}
    for end in run.ends:
        for operation, outcomes in end["counts"].items():
            for outcome, count in outcomes.items():
                of_operation: dict[str, Any] = total.setdefault(operation, {})
                of_operation[outcome] = of_operation.get(outcome, 0) + count
    return total


def service_ms(run: RunFolder, percentile: int) -> float:
    return float(np.percentile((run.samples["end_ns"] - run.samples["start_ns"]) / 1e6, percentile))
