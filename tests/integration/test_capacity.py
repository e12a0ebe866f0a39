"""The capacity of a stub whose saturation is known by theory and by its own ledger, found by the real command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from letta_slo import exit_codes
from loadgen.run_folder import RunFolder
from loadgen.samples import BRIDGE_OPERATIONS
from testbed.process import python_part, start

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("letta-slo"))
SERVERS, SERVICE_MS = 2, 100  # 20 a second, far below what a slow machine can send and answer
BEHAVIOUR = {"service_times": {"messages": {"constant_ms": SERVICE_MS}}, "settings": {"servers": SERVERS}}
WINDOW_S = 4.0
TRIES = 3
pytestmark = pytest.mark.timeout(240)


def letta_slo(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("LETTA_SLO_")}
    return subprocess.run(
        [COMMAND, "capacity", *arguments], capture_output=True, text=True, cwd=place, env=variables, check=False
    )


def patient(place: Path) -> list[str]:
    """Return the options for one objective whose limit is 5 s, so that a robbed machine may send half a second late."""
    catalogue = place / "catalogue"
    shutil.copytree(ROOT / "slo" / "catalog", catalogue, dirs_exist_ok=True)
    file = catalogue / "letta-api.yaml"
    file.write_text(file.read_text().replace("letta-slo/limit: 2s", "letta-slo/limit: 5s").replace('le="2"', 'le="5"'))
    return ["--catalog", str(catalogue), "--only", "letta-message-latency"]


def saturation_per_s(ledger: dict[str, Any]) -> float:
    """Return the most messages that the stub completed a second, by its own clock, over windows of some seconds."""
    columns = ledger["columns"]
    ended_s = np.array(columns["completion_ns"], dtype=np.float64) / 1e9
    ended_s = np.sort(ended_s[(np.array(columns["operation"]) == "messages") & (ended_s > 0)])
    within = np.searchsorted(ended_s, ended_s + WINDOW_S) - np.arange(ended_s.size)
    return float(within.max()) / WINDOW_S


def search(place: Path) -> tuple[subprocess.CompletedProcess[str], float]:
    """Search the capacity of a stub of its own; return what came of it, and the saturation that the stub measured."""
    command = [*python_part("testbed.letta_stub", "--port", "0", "--control-port", "0"), "--behaviour"]
    with start("letta-stub", [*command, json.dumps(BEHAVIOUR)], log_dir=place / "logs") as stub:
        asked = ["--scenario", "message", *patient(place), "--agents", "200", "--start", "12"]
        asked += ["--step", "8", "--longest-step", "8", "--warmup", "1", "--resolution", "45", "--most-steps", "6"]
        done = letta_slo(place, "--letta-url", str(stub.announced["url"]), *asked, "--format", "json")
        ledger = httpx.get(f"{stub.announced['control']}/ledger", timeout=30).json()
    return done, saturation_per_s(ledger)


@pytest.mark.timeout(TRIES * 240)
def test_the_capacity_found_is_the_saturation_that_the_stub_itself_measured(tmp_path: Path) -> None:
    for attempt in range(TRIES):  # a machine that is robbed of its cores cannot send 24 a second on time, and says so
        place = tmp_path / str(attempt)
        place.mkdir()
        done, measured = search(place)
        said = json.loads(done.stdout)
        if said["ending"] not in {"generator was the limit", "start invalid"}:
            break
    assert done.returncode == exit_codes.MET, done.stdout + done.stderr
    # A sleep never ends early, so the servers can be slower than theory, never faster; a window holds whole messages.
    assert measured <= SERVERS / SERVICE_MS * 1000 + SERVERS / WINDOW_S
    found = said["capacity_per_s"]
    assert found["lower"] / 1.05 <= measured <= found["upper"] * 1.05
    assert said["ending"] == "interval"
    assert said["headline"].endswith("on a STUB")
    assert said["is_too_short"] is True
    assert_steps_are_runs(place, said)


def assert_steps_are_runs(place: Path, said: dict[str, Any]) -> None:
    (folder,) = (place / "runs").iterdir()
    assert (folder / "report.html").is_file()
    assert (folder / "summary.md").is_file()
    steps = [RunFolder(folder / "steps" / step["folder"]) for step in said["steps"]]
    assert {tuple(step.plan.agents) for step in steps} == {steps[0].plan.agents}
    met = next(step for step in said["steps"] if step["outcome"] == "met")
    gate = [COMMAND, "gate", str(folder / "steps" / met["folder"]), *patient(place)]
    judged = subprocess.run(gate, capture_output=True, text=True, cwd=place, check=False)
    assert judged.returncode == exit_codes.MET, judged.stdout + judged.stderr


def test_the_bridge_of_the_testbed_is_driven_alone(tmp_path: Path) -> None:
    asked = ["--service", "bridge", "--only", "bridge-response-time", "--start", "40", "--max-rate", "40"]
    asked += ["--step", "8", "--longest-step", "9", "--warmup", "1", "--most-steps", "1", "--format", "json"]
    done = letta_slo(tmp_path, *asked)
    # How fast this machine is decides between these.
    assert done.returncode in {exit_codes.MET, exit_codes.MISSED, exit_codes.INVALID_RUN, exit_codes.INCONCLUSIVE}, (
        done.stdout + done.stderr
    )
    said = json.loads(done.stdout)
    assert said["target"]["service"] == "letta-bridge"
    assert said["is_stub"] is True
    (folder,) = (tmp_path / "runs").iterdir()
    assert set(RunFolder(folder / "steps" / "01").plan.rates) == BRIDGE_OPERATIONS


def test_a_target_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    done = letta_slo(tmp_path, "--letta-url", "http://127.0.0.1:9", "--scenario", "message")
    assert done.returncode == exit_codes.TARGET_UNREACHABLE


def test_what_an_interrupted_search_has_shown_is_told(tmp_path: Path) -> None:
    asked = ["--scenario", "message", "--only", "letta-message-latency", "--agents", "100", "--start", "8"]
    asked += ["--step", "8", "--longest-step", "8", "--warmup", "1", "--format", "json"]
    with subprocess.Popen(
        [COMMAND, "capacity", *asked], cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        while "step 2: 16 a second" not in (line := process.stderr.readline()):
            assert line, "the search ended before its second step"
        process.send_signal(signal.SIGTERM)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == exit_codes.TERMINATED, errors
    found = json.loads(said)
    assert [step["rate_per_s"] for step in found["steps"]] == [8]
    assert "broken off" in found["stopped"]
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"{folder.name}/report.html" in errors
