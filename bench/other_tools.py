"""How do wrk, hey and vegeta carry out the same requests? Those on the PATH, each as its own manual has it.

None gives a verdict. wrk sends as fast as its connections are answered, so it gets as many connections as the rate
needs; hey holds a rate for each of its users, who wait for their answers (both are closed models); vegeta sends at a
constant rate, whatever the target does.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench.cpu import CpuTrace
from bench.ledger_client import LedgerTarget
from bench.rival_requests import HEADERS, bodies
from bench.runs import Run, cpu_us_per_request
from bench.target import Load
from testbed.process import log_tail, spawn

_MEAN_SERVICE_S = 0.0227  # of the benchmark's lognormal times: 20 ms · exp(0.5² / 2)
_SLACK_S = 60.0
_UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
_MODELS = {"wrk": "closed model, no rate", "hey": "closed model, a rate for each user", "vegeta": "open model"}


class OtherToolError(Exception):
    """A tool ended without a report that can be read."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a tool printed: percentiles in ms, answers that were not good."""

    percentiles_ms: dict[int, float]
    bad: int


def describe() -> list[str]:
    """Return a line for each: whether it is there, and what it is."""
    return [
        f"{name}: {'installed' if shutil.which(name) else 'not installed'}; {model}, no verdict, run once"
        for name, model in _MODELS.items()
    ]


def found() -> dict[str, Callable[[LedgerTarget, Load, Path], Run]]:
    """Return those that are on the PATH."""
    return {name: partial(_run, name) for name in _MODELS if shutil.which(name)}


def _run(name: str, target: LedgerTarget, load: Load, folder: Path) -> Run:
    """Run one of them to its end; raises OtherToolError."""
    folder.mkdir(parents=True)
    command = _COMMANDS[name](target, load, folder)
    target.forget()
    with spawn(name, command, log_dir=folder, cwd=folder) as part:
        try:
            with CpuTrace(part.pid) as trace:
                part.process.wait(load.duration_s + _SLACK_S)
            report = _READERS[name](part.log.read_text())
        except (LookupError, ValueError, AttributeError, subprocess.TimeoutExpired) as error:
            raise OtherToolError(f"no report of {name} that can be read: {error}\n{log_tail(part.log)}") from error
    truth = target.truth()
    cpu_us = cpu_us_per_request(trace, truth)
    return Run(np.empty(0), truth, cpu_us, report.bad, rounded_ms=report.percentiles_ms, memory_mib=trace.peak_mib)


def _connections(load: Load) -> int:
    return max(1, round(load.rate * _MEAN_SERVICE_S))


def _wrk_command(target: LedgerTarget, load: Load, folder: Path) -> list[str]:
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{bodies()[0]}]==]"]
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in HEADERS.items()]
    script = folder / "message.lua"
    script.write_text("\n".join(lines) + "\n")
    how = ["-t", "1", "-c", str(_connections(load)), "-d", f"{load.duration_s:g}s", "--latency", "-s", str(script)]
    return ["wrk", *how, _address(target)]


def _hey_command(target: LedgerTarget, load: Load, folder: Path) -> list[str]:
    body = folder / "body.json"
    body.write_text(bodies()[0])
    users = 2 * _connections(load)  # each at half of what it could, so that one long answer does not cost the rate
    how = ["-z", f"{load.duration_s:g}s", "-c", str(users), "-q", f"{load.rate / users:.4f}", "-m", "POST"]
    headers = [word for name, value in HEADERS.items() for word in ("-H", f"{name}: {value}")]
    return ["hey", *how, "-T", HEADERS["Content-Type"], *headers, "-D", str(body), _address(target)]


def _vegeta_command(target: LedgerTarget, load: Load, folder: Path) -> list[str]:
    headers = {name: [value] for name, value in HEADERS.items()}
    targets = folder / "targets.json"
    with targets.open("w") as file:
        for number, body in enumerate(bodies()):
            encoded = base64.b64encode(body.encode()).decode()
            url = _address(target, number)
            file.write(json.dumps({"method": "POST", "url": url, "header": headers, "body": encoded}) + "\n")
    how = f"-rate={load.rate:g}/1s -duration={load.duration_s:g}s -format=json -targets={targets} -output=attack.bin"
    # One process after the other, so that reading the results costs the attack nothing.
    return ["sh", "-c", f"vegeta attack {how} && vegeta report -type=json attack.bin"]


def _address(target: LedgerTarget, number: int = 0) -> str:
    return f"{target.url}/v1/agents/{target.agents[number % len(target.agents)]}/messages"


def read_wrk(text: str) -> Report:
    """Read wrk's distribution (it has no p95), its non-2xx answers and its socket errors."""
    rows = re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)$", text, re.MULTILINE)
    times = {int(percent): float(value) * _UNITS_MS[unit] for percent, value, unit in rows}
    bad = sum(int(count) for count in re.findall(r"Non-2xx or 3xx responses: (\d+)", text))
    for errors in re.findall(r"Socket errors: (.+)", text):
        bad += sum(int(count) for count in re.findall(r"\d+", errors))
    return Report(_some(times), bad)


def read_hey(text: str) -> Report:
    """Read hey's distribution, the answers that are no 200, and the requests without an answer."""
    rows = re.findall(r"^\s+(50|95|99)%+ in ([\d.]+) secs", text, re.MULTILINE)
    times = {int(percent): float(seconds) * 1e3 for percent, seconds in rows}
    answers, _, errors = text.partition("Error distribution:")
    statuses = re.findall(r"\[(\d+)\]\s+(\d+) responses", answers)
    bad = sum(int(count) for status, count in statuses if status != "200")
    return Report(_some(times), bad + sum(int(count) for count in re.findall(r"^\s+\[(\d+)\]", errors, re.MULTILINE)))


def read_vegeta(text: str) -> Report:
    """Read vegeta's JSON; a status of 0 is a request without an answer."""
    report = json.loads(text.splitlines()[-1])
    times = {percent: report["latencies"][f"{percent}th"] / 1e6 for percent in (50, 95, 99)}
    return Report(_some(times), sum(count for status, count in report["status_codes"].items() if status != "200"))


def _some(times: dict[int, float]) -> dict[int, float]:
    if not times:
        raise ValueError("no percentiles in it")
    return times


_COMMANDS = {"wrk": _wrk_command, "hey": _hey_command, "vegeta": _vegeta_command}
_READERS = {"wrk": read_wrk, "hey": read_hey, "vegeta": read_vegeta}
