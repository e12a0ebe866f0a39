"""How does k6 carry out the same run? Its `constant-arrival-rate`, with users enough, read by its own summary."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.cpu import CpuTrace
from bench.ledger_client import LedgerTarget
from bench.rival_requests import HEADERS, bodies
from bench.runs import Run, cpu_us_per_request
from bench.target import Load
from testbed.process import Part, log_tail, spawn

_SCRIPT = Path(__file__).with_name("k6_script.js")
_PERCENTILES = {50: "med", 95: "p(95)", 99: "p(99)"}
_SLACK_S = 60.0

Reads = Literal["answers", "status"]


class K6RunError(Exception):
    """k6 ended without a result."""


def find() -> str | None:
    """Return the k6 that the variable K6 names, or the one on the PATH."""
    return shutil.which(os.environ.get("K6") or "k6")


def version(k6: str) -> str:
    """Return what it calls itself."""
    return subprocess.run([k6, "version"], capture_output=True, text=True, check=True).stdout.strip()


def run(
    k6: str,
    target: LedgerTarget,
    load: Load,
    folder: Path,
    *,
    users_at_first: int | None = None,
    reads: Reads = "answers",
) -> Run:
    """Run k6 until it has ended, one user for each agent of the target; raises K6RunError.

    With fewer `users_at_first` it makes the others while the run goes on, as k6 does.
    """
    users = len(target.agents)
    plan = {
        "url": target.url,
        "operation": load.operation,
        "rate": round(load.rate),
        "seconds": load.duration_s,
        "users": users,
        "users_at_first": users if users_at_first is None else users_at_first,
        "reads_answers": reads == "answers",
        "request_id": folder.name,
        "headers": HEADERS,
    }
    folder.mkdir(parents=True)
    variables = _write(folder, {"PLAN": plan, "AGENTS": target.agents, "BODIES": bodies()})
    target.forget()
    with spawn("k6", _command(k6, variables), log_dir=folder, env=_environment(folder), cwd=folder) as part:
        with CpuTrace(part.pid) as trace:
            part.process.wait(load.duration_s + _SLACK_S)
        metrics = _read(Path(variables["BENCH_RESULT"]), part)
    truth, dropped = target.truth(), _count(metrics, "dropped_iterations")
    return Run(
        reported_ms=np.empty(0),
        truth=truth,
        cpu_us=cpu_us_per_request(trace, truth),
        bad=_count(metrics, "bad_answers") + dropped,
        rounded_ms={number: metrics["http_req_duration"]["values"][name] for number, name in _PERCENTILES.items()},
        dropped=dropped,
        memory_mib=trace.peak_mib,
    )


def _write(folder: Path, contents: Mapping[str, object]) -> dict[str, str]:
    """Write what the script reads; return its variables."""
    variables = {"BENCH_RESULT": str(folder / "result.json")}
    for name, content in contents.items():
        file = folder / f"{name.lower()}.json"
        file.write_text(json.dumps(content))
        variables[f"BENCH_{name}"] = str(file)
    return variables


def _command(k6: str, variables: Mapping[str, str]) -> list[str]:
    # No port of its own and nothing sent to its makers; no K6_* of the user's belongs into this run.
    without = [word for name in sorted(os.environ) if name.startswith("K6_") for word in ("-u", name)]
    named = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    quiet = ["--quiet", "--no-color", "--no-usage-report", "--address", ""]
    return ["env", *without, "K6_AUTO_EXTENSION_RESOLUTION=false", k6, "run", *quiet, *named, str(_SCRIPT)]


def _environment(folder: Path) -> dict[str, str]:
    return {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}


def _read(result: Path, part: Part) -> dict[str, Any]:
    if not result.is_file():
        raise K6RunError(f"k6 left no result\n{log_tail(part.log)}")
    return dict(json.loads(result.read_text()))


def _count(metrics: Mapping[str, Any], name: str) -> int:
    """Return a counter; k6 leaves out one that was never counted."""
    return int(metrics[name]["values"]["count"]) if name in metrics else 0
