"""How is the course of a series written for promtool: so many minutes like this, so many like that?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from alerts.platform.reading import value_and_growth


@dataclass(frozen=True, slots=True)
class Check:
    """At this minute so many series of an alert fire, 0 for none."""

    minute: int
    alert: str
    severity: str
    firing: int

    def written(self) -> dict[str, Any]:
        """Return it in promtool's words."""
        which = f'alertname="{self.alert}",severity="{self.severity}",alertstate="firing"'
        expected = [{"labels": "{}", "value": self.firing}] if self.firing else []
        return {"expr": f"count(ALERTS{{{which}}})", "eval_time": f"{self.minute}m", "exp_samples": expected}


@dataclass(frozen=True, slots=True)
class Case:
    """Series by the minute from minute 0 on, and what must be true when."""

    name: str
    series: dict[str, str]
    checks: tuple[Check, ...]

    def written(self) -> dict[str, Any]:
        """Return it in promtool's words."""
        return {
            "name": self.name,
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in self.series.items()],
            "promql_expr_test": [one.written() for one in sorted(self.checks, key=lambda one: one.minute)],
        }


def course(stretches: Iterable[tuple[str, int]]) -> str:
    """Return the values of a series: each stretch is what it does (as `Course` has it) and for how many minutes."""
    parts: list[str] = []
    value = Fraction(0)
    for doing, minutes in stretches:
        if minutes <= 0:
            continue
        if doing == "absent":
            parts.append(_ended(minutes) if parts else f"_x{minutes}")
            continue
        start, growth = value_and_growth(doing)
        value = start if start is not None else value + (growth if parts else 0)
        parts.append(f"{_number(value)}{'-' if growth < 0 else '+'}{_number(abs(growth))}x{minutes - 1}")
        value += growth * (minutes - 1)
    return " ".join(parts)


def values(stretches: Iterable[tuple[str, int]]) -> list[Fraction | None]:
    """Return the value of each minute of such a series, None where it is absent."""
    made: list[Fraction | None] = []
    value = Fraction(0)
    for doing, minutes in stretches:
        if doing == "absent":
            made += [None] * minutes
            continue
        start, growth = value_and_growth(doing)
        for minute in range(minutes):
            value = start if start is not None and minute == 0 else value + (growth if made else 0)
            made.append(value)
    return made


def _ended(minutes: int) -> str:
    """A series that ends is marked as ended, or its last value would be seen for five minutes more."""
    return "stale" if minutes == 1 else f"stale _x{minutes - 1}"


def _number(value: Fraction) -> str:
    return f"{float(value):.12g}"
