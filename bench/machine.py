"""On what machine was this measured, and how busy was it?"""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil


def describe() -> tuple[str, ...]:
    """Return lines that name the machine and the versions that the figures depend on."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("locust", "gevent", "geventhttpclient", "httptools"))
    cpus = f"{psutil.cpu_count()} CPUs ({len(psutil.Process().cpu_affinity())} usable), {_cpu_model()}"
    return f"machine: {cpus}; Linux {platform.release()}", f"Python {platform.python_version()}, {libraries}"


def load() -> str:
    """Return the load averages over 1, 5 and 15 minutes: what else the machine was doing."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
