"""What do tests of the proof look at? A small dashboard as Grafana keeps it, with room for one fault at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboards.proof.board import Board
from dashboards.proof.reading import read
from dashboards.proof.series import RefusedError, Series, Stretch

STRETCH = Stretch(1000.0, 1300.0, 15.0)
SERVED = "sum by (route) (rate(requests_total[$__rate_interval]))"


def target(expr: str, legend: str = "", ref: str = "A", **more: Any) -> dict[str, Any]:
    return {"refId": ref, "expr": expr, "legendFormat": legend, **more}


def panel(*targets: dict[str, Any], title: str = "Requests", unit: str = "reqps", **more: Any) -> dict[str, Any]:
    defaults = {"unit": unit, "noValue": "nobody asks", **more.pop("defaults", {})}
    grid = {"x": 0, "y": 0, "w": 12, "h": 8}
    made = {"title": title, "type": "timeseries", "gridPos": grid, "targets": list(targets)}
    return {**made, "fieldConfig": {"defaults": defaults, "overrides": []}, **more}


def variable(name: str, query: str, **more: Any) -> dict[str, Any]:
    made = {"name": name, "type": "query", "query": {"query": query, "refId": "A"}}
    return {**made, "includeAll": True, "allValue": ".+", **more}


def dashboard(*panels: dict[str, Any], variables: Sequence[Any] = (), annotations: Sequence[Any] = ()) -> str:
    made = {"uid": "letta-slo-small", "title": "Small", "panels": list(panels)}
    lists = {"templating": {"list": list(variables)}, "annotations": {"list": list(annotations)}}
    return json.dumps({**made, **lists})


def board(*panels: dict[str, Any], **more: Any) -> Board:
    return read(dashboard(*panels, **more), "small.json")


def series(*values: float, **labels: str) -> Series:
    return Series(tuple(labels.items()), tuple((1000.0 + 15 * at, value) for at, value in enumerate(values)))


@dataclass
class StandIn:
    """A stand-in for a Prometheus: series by what an expression holds, the first that fits; `refuse` is no PromQL."""

    known: Mapping[str, Sequence[Series]] = field(default_factory=dict)
    refuse: str = ""
    asked: list[str] = field(default_factory=list)

    def __call__(self, expression: str, *_times: float) -> Sequence[Series]:
        self.asked.append(expression)
        if self.refuse and self.refuse in expression:
            raise RefusedError("parse error")
        return next((found for part, found in self.known.items() if part in expression), [])
