"""On what machine was this measured, and how busy was it?"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_SPIN = "import time; end = time.monotonic() + 2\nwhile time.monotonic() < end: pass"
_PAUSE_S = 8.0


def describe() -> tuple[str, ...]:
    """Return lines that name the machine and the versions that the figures depend on."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("locust", "gevent", "geventhttpclient", "httptools"))
    cpus = f"{psutil.cpu_count()} CPUs ({len(psutil.Process().cpu_affinity())} usable), {_cpu_model()}"
    return f"machine: {cpus}; Linux {platform.release()}", f"Python {platform.python_version()}, {libraries}"


def load() -> str:
    """Return the load averages over 1, 5 and 15 minutes: what else the machine was doing."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


class Stolen:
    """How much of this machine's CPU time the hypervisor gave to others between entry and exit: `percent` of it all."""

    def __init__(self) -> None:
        self.percent = 0.0

    def __enter__(self) -> Self:
        self._before = _stolen_of_all_s()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stolen_s, all_s = (after - before for after, before in zip(_stolen_of_all_s(), self._before, strict=True))
        self.percent = 100 * stolen_s / all_s if all_s else 0.0


def wait_until_quiet(most_stolen_percent: float, *, at_most_s: float) -> None:
    """Wait until the hypervisor takes no more than this of a machine that asks for all of it; say so when it is long.

    What it takes can only be seen by asking: from an idle machine there is nothing to take. Gives up after `at_most_s`.
    """
    began = time.monotonic()
    while True:
        if _stolen_when_asking_for_all_percent() <= most_stolen_percent or time.monotonic() - began > at_most_s:
            break
        time.sleep(_PAUSE_S)  # neighbours are busy for minutes; nothing tells when they end
    if (waited_s := time.monotonic() - began) > _PAUSE_S:
        print(f"waited {waited_s:.0f} s for a machine of which the hypervisor takes nothing", flush=True)


def _stolen_when_asking_for_all_percent() -> float:
    with Stolen() as stolen:
        for spinning in [subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(psutil.cpu_count() or 1)]:
            spinning.wait()
    return stolen.percent


def _stolen_of_all_s() -> tuple[float, float]:
    times = psutil.cpu_times()
    # What guests of this machine used is part of its user time already.
    every = sum(value for name, value in times._asdict().items() if not name.startswith("guest"))
    return float(getattr(times, "steal", 0.0)), every


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
