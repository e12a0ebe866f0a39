"""How does the command line drive a run? Locust as a child process, its progress over a pipe, faults at their time."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import loadgen
from letta_slo.crew import Meeting
from loadgen.plan import RunPlan
from loadgen.run_folder import note_event
from testbed.ports import free_port
from testbed.process import Part, log_tail, spawn

_START_S = 30.0  # Locust, its workers and the schedule
_SLACK_S = 30.0
_WORKERS_COME_S = 600.0  # on other machines somebody has to start them, or a cluster has to find room


class DriveError(Exception):
    """The load generator did not finish: the run is invalid."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something done to the target on purpose, at a time of the run; `inflict` returns at once."""

    name: str
    offset_s: float
    duration_s: float
    inflict: Callable[[], None]


@dataclass(slots=True)
class Watch:
    """What is known while a run goes on."""

    origin_ns: int = 0
    offset_s: float = 0.0
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    bad: int = 0
    finished: int = 0

    def take(self, row: dict[str, Any]) -> None:
        """Take one line of progress of one worker."""
        if "origin_ns" in row:
            self.origin_ns = self.origin_ns or int(row["origin_ns"])
            return
        self.rows[int(row["worker"])] = row
        self.offset_s = max(self.offset_s, float(row["offset_s"]))
        self.finished += int(row["finished"])
        self.bad += int(row["bad"])


def drive(
    plan: RunPlan,
    plan_file: Path,
    *,
    workers: int = 1,
    meeting: Meeting | None = None,
    faults: tuple[Fault, ...] = (),
    env: dict[str, str] | None = None,
    on_progress: Callable[[Watch], None] = lambda _watch: None,
    on_start: Callable[[int], None] = lambda _pid: None,
) -> None:
    """Run the plan to its end; raises DriveError when Locust dies, hangs or fails.

    With a `meeting` the workers are not started here: the master waits for them there.
    Faults are inflicted between two looks at the pipe, at most a tenth of a second late, and noted with the time at
    which they really began.
    """
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    variables = {**(env or {}), "LETTA_SLO_PROGRESS_FD": str(writing)}
    locust = _start(plan, plan_file, _roles(workers, meeting), variables, writing)
    try:
        os.close(writing)
        on_start(locust.pid)
        start_s = _START_S + (_WORKERS_COME_S if meeting else 0.0)
        _watch(plan, locust, reading, list(faults), on_progress, start_s=start_s)
        status = locust.process.wait(_SLACK_S)
    except subprocess.TimeoutExpired as error:
        raise DriveError(
            f"the load generator did not end in time; the run is invalid\n{log_tail(locust.log)}"
        ) from error
    finally:
        os.close(reading)
        locust.stop(grace_s=3.0)
    if status != 0:
        raise DriveError(f"the load generator ended with {status}; the run is invalid\n{log_tail(locust.log)}")


def _roles(workers: int, meeting: Meeting | None) -> list[str]:
    """Return the options that say who is master and who are its workers; each worker gets one of Locust's users."""
    users = ["-u", str(workers), "-r", str(workers)]
    if meeting is not None:
        bind = ["--master-bind-host", meeting.host, "--master-bind-port", str(meeting.port)]
        wait = ["--expect-workers", str(workers), "--expect-workers-max-wait", f"{_WORKERS_COME_S:.0f}"]
        return [*users, "--master", *bind, *wait]
    if workers == 1:
        return users
    port = str(free_port())
    bind = ["--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    return [*users, "--processes", str(workers), *bind, "--master-host", "127.0.0.1", "--master-port", port]


def _start(plan: RunPlan, plan_file: Path, roles: list[str], env: dict[str, str], keep: int) -> Part:
    scenarios = Path(loadgen.__file__).parent.parent / "loadtests"
    command = [sys.executable, "-m", "locust", "-f", str(scenarios), "--headless", "--only-summary"]
    command += ["--loglevel", "WARNING", *roles]
    # Locust reads locust.conf, pyproject.toml, ~/.locust.conf and LOCUST_*: none of the user's belongs into this run.
    home = (Path(plan.folder) / "logs").resolve()
    home.mkdir(parents=True, exist_ok=True)
    without = [word for name in sorted(os.environ) if name.startswith("LOCUST_") for word in ("-u", name)]
    variables = {"LETTA_SLO_PLAN": str(plan_file.resolve()), "HOME": str(home), **env}
    return spawn("locust", ["env", *without, *command], log_dir=home, env=variables, cwd=home, keep_fds=(keep,))


def _watch(
    plan: RunPlan,
    locust: Part,
    pipe: int,
    faults: list[Fault],
    on_progress: Callable[[Watch], None],
    *,
    start_s: float,
) -> None:
    watch, buffer = Watch(), b""
    limits = plan.limits
    give_up = time.monotonic() + start_s + plan.phases.duration_s + limits.drain_s + limits.reply_timeout_s + _SLACK_S
    while time.monotonic() < give_up:
        if select.select([pipe], [], [], 0.1)[0]:
            chunk = os.read(pipe, 65536)
            if not chunk:
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                watch.take(json.loads(line))
            on_progress(watch)
        _inflict_due(plan, watch, faults)
    raise DriveError(f"the load generator did not end in time; the run is invalid\n{log_tail(locust.log)}")


def _inflict_due(plan: RunPlan, watch: Watch, faults: list[Fault]) -> None:
    while watch.origin_ns and faults:
        offset_s = (time.monotonic_ns() - watch.origin_ns) / 1e9
        if offset_s < faults[0].offset_s:
            return
        fault = faults.pop(0)
        fault.inflict()
        note_event(Path(plan.folder), "verify", "fault", offset_s, name=fault.name, duration_s=fault.duration_s)
