"""How are rules tried by `promtool test rules`? Series in, expressions and what they must give out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None and os.environ.get("CI") != "true", reason="promtool is not on PATH (Debian: prometheus)"
)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL, "no promtool: it comes with Debian's package prometheus"
    return subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)


def counting(*stretches: tuple[float, int], start: float = 0) -> str:
    """Return a counter in promtool's notation: each stretch grows by so much a minute, for so many minutes."""
    parts: list[str] = []
    value = start
    for a_minute, minutes in stretches:
        parts.append(f"{value + (a_minute if parts else 0):.10g}+{a_minute:.10g}x{minutes - (1 if parts else 0)}")
        value += a_minute * minutes
    return " ".join(parts)


def check(
    folder: Path,
    groups: list[dict[str, Any]],
    series: Mapping[str, str],
    expected: Sequence[Any],
    *,
    step: str = "1m",
) -> str:
    """Run the rules over series; `expected` are (minute, expression, values), [] for none. Return what failed.

    The rules are evaluated every `step`.
    """
    rules = folder / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": groups}))
    asked = [
        {
            "expr": expression,
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": "{}", "value": one} for one in values],
        }
        for minute, expression, values in expected
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": asked,
    }
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [rules.name], "evaluation_interval": step, "tests": [test]}))
    done = promtool("test", "rules", str(file))
    return "" if done.returncode == 0 else done.stdout + done.stderr
