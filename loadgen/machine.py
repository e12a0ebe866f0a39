"""How busy were the machine and this worker in the last second? What an invalid run is blamed on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil


class MachineLoad:
    """Reads the difference to its last reading; the first reading starts the count."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._last = (time.monotonic(), time.process_time())
        psutil.cpu_times_percent()

    def read(self) -> dict[str, Any]:
        """Return shares of one core (generator) and of all cores (machine), in 0..1 per core resp. machine."""
        times = psutil.cpu_times_percent()
        now = (time.monotonic(), time.process_time())
        used = (now[1] - self._last[1]) / max(1e-9, now[0] - self._last[0])
        self._last = now
        return {
            "generator_cpu": round(used, 4),
            "machine_cpu": round(1 - (times.idle + getattr(times, "iowait", 0.0)) / 100, 4),
            "steal": round(getattr(times, "steal", 0.0) / 100, 4),
            "load1": round(psutil.getloadavg()[0], 2),
            "rss_mib": round(self._process.memory_info().rss / 2**20, 1),
        }


def describe() -> dict[str, Any]:
    """Return what does not change during a run."""
    return {
        "cpus": psutil.cpu_count(),
        "cpus_usable": len(psutil.Process().cpu_affinity()),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def boot_id() -> str:
    """Return what this boot of this machine is called; processes that read the same share one CLOCK_MONOTONIC."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()  # random(4)
