"""How does Locust by itself carry out the same run? FastHttpUser with `constant_throughput`, headless."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.cpu import CpuTrace
from bench.names import AGENTS_VARIABLE, PER_USER, RESULT_VARIABLE
from bench.runs import Run, Stall, cpu_us_per_request
from bench.target import Load, Target
from testbed.process import Part, log_tail, spawn

_USER_CLASSES = {"health": "HealthUser", "message": "MessageUser"}
_ROOT = Path(__file__).parents[1]
_STOP_S = 5  # time for what is in flight when the time is over
_SLACK_S = 30.0


class LocustRunError(Exception):
    """Locust ended without a result."""


def run(target: Target, load: Load, folder: Path, *, stall: Stall | None = None) -> Run:
    """Run Locust until its time is over and read what it reported; raises LocustRunError."""
    folder.mkdir(parents=True)
    result, agents = folder / "result.json", folder / "agents.json"
    agents.write_text(json.dumps(target.agents))
    target.forget()
    variables = {RESULT_VARIABLE: str(result), AGENTS_VARIABLE: str(agents)}
    with spawn("locust", _command(target, load), log_dir=folder, env=variables, cwd=_ROOT) as locust:
        with CpuTrace(locust.pid) as trace:
            if stall is not None:
                target.wait_for_first_arrival()
                time.sleep(stall.at_s)  # the stall's moment, counted from the first arrival
                target.stall(stall.for_s)
            locust.process.wait(load.duration_s + _STOP_S + _SLACK_S)
        reported = _read(result, locust)
    truth = target.truth()
    return Run(
        reported_ms=np.array(reported["response_ms"], dtype=np.float64),
        truth=truth,
        cpu_us=cpu_us_per_request(trace, truth),
        bad=int(reported["failures"]),
        rounded_ms={int(percentile): value for percentile, value in reported["rounded_ms"].items()},
    )


def _command(target: Target, load: Load) -> list[str]:
    users = str(round(load.rate / PER_USER))
    locustfile = str(Path(__file__).with_name("_constant_throughput.py"))
    command = [sys.executable, "-m", "locust", "-f", locustfile, _USER_CLASSES[load.operation], "--headless"]
    command += ["--only-summary", "--loglevel", "WARNING", "--host", target.url]
    return [*command, "-u", users, "-r", users, "-t", f"{load.duration_s:g}s", "-s", str(_STOP_S)]


def _read(result: Path, locust: Part) -> dict[str, Any]:
    if not result.is_file():
        raise LocustRunError(f"Locust left no result\n{log_tail(locust.log)}")
    return dict(json.loads(result.read_text()))
