"""Under which name does a Prometheus show a metric of OpenTelemetry?

The rules of the OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility": dots become underscores, the
unit is spelled out and appended, a unit in braces is left out, a counter ends in `_total`, and a gauge of unit 1 in
`_ratio`. What the collector's remote-write exporter makes of it is checked against a real Prometheus.
"""

from __future__ import annotations

from typing import Final

_UNITS: Final = {"s": "seconds", "ms": "milliseconds", "By": "bytes", "1": ""}


def prometheus_name(name: str, unit: str, instrument: str) -> str:
    """Return the name; a histogram's without `_bucket`, `_count` or `_sum`. Raises KeyError for an unknown unit."""
    spelled = "" if unit.startswith("{") else _UNITS[unit]
    if unit == "1" and instrument == "gauge":
        spelled = "ratio"
    words = name.replace(".", "_")
    if spelled and not words.endswith(f"_{spelled}"):
        words = f"{words}_{spelled}"
    return f"{words}_total" if instrument == "counter" else words
