"""How is a number said in a panel's unit, short enough for an axis?"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

_DURATIONS: Final = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_SIZES: Final = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_LARGE: Final = ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K"))
_PER_SECOND: Final = {
    "reqps": " req/s",
    "ops": " ops/s",
    "cps": " c/s",
    "rps": " rd/s",
    "wps": " wr/s",
    "iops": " io/s",
}
_IN_SECONDS: Final = {"s": 1.0, "dtdurations": 1.0, "dtdhms": 1.0, "clocks": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
_LEGEND: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def say(value: float, unit: str) -> str:
    """Return a value with its unit, as Grafana would about write it."""
    if not math.isfinite(value):
        return str(value)
    if unit in _IN_SECONDS:
        return _scaled(value * _IN_SECONDS[unit], _DURATIONS, " ")
    if unit in ("bytes", "decbytes"):
        return _scaled(value, _SIZES, " ")
    if unit in ("Bps", "binBps"):
        return f"{_scaled(value, _SIZES, ' ')}/s"
    if unit in ("percentunit", "percent"):
        return f"{_digits(value * 100 if unit == 'percentunit' else value)}%"
    return f"{_scaled(value, _LARGE, '')}{_PER_SECOND.get(unit, '')}"


def legend(text: str, labels: Mapping[str, str]) -> str:
    """Return the name of a series: its legend with labels put in, or all labels where there is none."""
    if text and text != "__auto":
        return _LEGEND.sub(lambda found: labels.get(found[1], ""), text)
    return ", ".join(f"{name}={value}" for name, value in labels.items() if name != "__name__") or labels.get(
        "__name__", "value"
    )


def _scaled(value: float, steps: tuple[tuple[float, str], ...], space: str) -> str:
    if value == 0:
        return "0"
    for factor, name in steps:
        if abs(value) >= factor:
            return f"{_digits(value / factor)}{space}{name}"
    factor, name = steps[-1]
    return f"{_digits(value / factor)}{space}{name}" if factor <= 1 else _digits(value)


def _digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
