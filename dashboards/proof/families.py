"""Of which metric is a series? A histogram has three or more, and some gauges have names that end like one of them."""

from __future__ import annotations

from typing import Final

from dashboards.proof.counters import is_counter

_PARTS: Final = ("_bucket", "_count", "_sum")


def family(name: str) -> str:
    """Return the name of the metric that a series is of, which is its own where the series is no part."""
    part = next((part for part in _PARTS if name.endswith(part)), "")
    return name.removesuffix(part) if is_counter(name) else name
