"""What is written down about a run before it begins? Enough to know what was run, on what, and to run it again."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from loadgen.machine import describe
from loadgen.plan import RunPlan
from loadgen.run_folder import now_text

_PACKAGES = ("locust", "gevent", "redis", "numpy", "scipy")


def manifest(plan: RunPlan, targets: dict[str, dict[str, Any]], *, tier: str, workers: int) -> dict[str, Any]:
    """Return the manifest of a run; it holds no credentials."""
    return {
        "run_id": plan.run_id,
        "started_at": now_text(),
        "suite_version": metadata.version("letta-slo"),
        "git": _revision(),
        "targets": targets,
        "tier": tier,
        "workers": workers,
        "live": False,
        "plan": {**plan.to_dict(), "folder": "."},  # where it is says nothing to a reader elsewhere
        "machine": {
            **describe(),
            "cpu": _cpu_model(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        },
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }


def _revision() -> str | None:
    """Return the commit of the checkout, None outside one or without git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],  # noqa: S607 (from PATH)
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
