"""What does Grafana put in the place of its variables before it asks?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from dashboards.proof.series import Stretch

_POINTS: Final = 240  # about as many as Grafana asks of a panel of half a screen's width
# https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/#use-__rate_interval
_SCRAPES: Final = 4
_NAMED: Final = r"\$\{(\w+)(?::\w+)?\}|\$(\w+)|\[\[(\w+)\]\]"


def step_s(stretch: Stretch, min_step_s: float = 0.0) -> float:
    """Return the step of a panel in seconds, as Grafana chooses it."""
    return max(stretch.seconds / _POINTS, min_step_s or stretch.scrape_interval_s)


def built_in(stretch: Stretch, min_step_s: float = 0.0) -> dict[str, str]:
    """Return the values of Grafana's own variables."""
    step = step_s(stretch, min_step_s)
    scrape = min_step_s or stretch.scrape_interval_s
    rate = max(step + scrape, _SCRAPES * scrape)
    return {
        "__interval": _duration(step),
        "__interval_ms": f"{round(step * 1000)}",
        "__rate_interval": _duration(rate),
        "__rate_interval_ms": f"{round(rate * 1000)}",
        "__range": _duration(stretch.seconds),
        "__range_s": f"{round(stretch.seconds)}",
        "__range_ms": f"{round(stretch.seconds * 1000)}",
        "__from": f"{round(stretch.from_s * 1000)}",
        "__to": f"{round(stretch.to_s * 1000)}",
    }


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with variables replaced; one that has no value stays as it is."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1] or found[2] or found[3], found[0])

    return re.sub(_NAMED, value, text)


def names_in(text: str) -> set[str]:
    """Return the names of the variables in a text."""
    return {one[0] or one[1] or one[2] for one in re.findall(_NAMED, text)}


def _duration(in_s: float) -> str:
    return f"{max(1, round(in_s * 1000))}ms"
