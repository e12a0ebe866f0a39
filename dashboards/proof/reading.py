"""How is Grafana's JSON read: rows and nested panels too, units of columns, variables as Grafana keeps them?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dashboards.errors import DashboardError
from dashboards.proof.board import Annotation, Board, Panel, Place, Target, Threshold, Variable

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_ASKED: Final = "query"
_LISTED: Final = frozenset({"custom", "interval"})
_FIXED: Final = frozenset({"textbox", "constant"})

Json = Mapping[str, Any]


def read_folder(folder: Path) -> tuple[Board, ...]:
    """Return the dashboards of a folder, sorted by file. Raises DashboardError, also when there is none."""
    boards = tuple(read(file.read_text(), str(file)) for file in sorted(folder.glob("*.json")))
    if not boards:
        raise DashboardError(f"{folder}: no dashboard there; allowed is a folder with Grafana's JSON, one a file")
    return boards


def read(text: str, origin: str) -> Board:
    """Return one dashboard. Raises DashboardError with the place that cannot be read."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DashboardError(f"{origin}: no JSON: {error}") from error
    if not isinstance(found, dict) or "panels" not in found:
        raise DashboardError(f"{origin}: no dashboard; allowed is an object with `panels`, as Grafana exports it")
    try:
        return Board(
            origin,
            str(found.get("uid") or Path(origin).stem),
            str(found.get("title", "")),
            tuple(_panel(one) for one in _flat(found["panels"])),
            tuple(_variable(one) for one in found.get("templating", {}).get("list", ())),
            tuple(_annotations(found)),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DashboardError(f"{origin}: not as Grafana writes a dashboard: {error!r}") from error


def seconds(text: str) -> float:
    """Return a duration such as 15s or 1m in seconds, 0 for what is none; Grafana also writes >15s."""
    found = re.fullmatch(r">?\s*(\d+(?:\.\d+)?)(ms|s|m|h|d)", text.strip())
    return float(found[1]) * _SECONDS[found[2]] if found else 0.0


def _flat(panels: list[Json]) -> Iterator[Json]:
    for one in panels:
        yield one
        yield from _flat(one.get("panels") or [])  # of a row that is folded


def _panel(found: Json) -> Panel:
    grid = found.get("gridPos") or {}
    defaults = (found.get("fieldConfig") or {}).get("defaults") or {}
    options = found.get("options") or {}
    renamed, hidden = _columns(found)
    return Panel(
        title=str(found.get("title", "")),
        kind=str(found["type"]),
        place=Place(*(int(grid.get(key, 0)) for key in ("x", "y", "w", "h"))),
        targets=tuple(_target(one, found, defaults) for one in found.get("targets") or () if not one.get("hide")),
        description=str(found.get("description", "")),
        text=str(options.get("content", "")) if found["type"] == "text" else "",
        no_value=str(defaults.get("noValue", "")),
        low=defaults.get("min"),
        high=defaults.get("max"),
        thresholds=tuple(
            Threshold(one.get("value"), str(one["color"]))
            for one in (defaults.get("thresholds") or {}).get("steps", ())
        ),
        renamed=renamed,
        hidden=hidden,
    )


def _target(found: Json, panel: Json, defaults: Json) -> Target:
    ref = str(found.get("refId", "A"))
    return Target(
        ref,
        str(found.get("expr", "")),
        str(found.get("legendFormat") or ""),
        _unit(ref, panel) or str(defaults.get("unit", "")),
        bool(found.get("instant")) and not found.get("range"),
        seconds(str(found.get("interval") or panel.get("interval") or "")),
    )


def _unit(ref: str, panel: Json) -> str:
    """Return the unit that an override gives the values of one query, empty without one."""
    renamed, _ = _columns(panel)
    names = {f"Value #{ref}", renamed.get(f"Value #{ref}", "")} - {""}
    if len(panel.get("targets") or ()) == 1:
        names |= {"Value", renamed.get("Value", "")} - {""}
    for override in (panel.get("fieldConfig") or {}).get("overrides") or ():
        matcher = override["matcher"]
        is_of_query = matcher["id"] == "byFrameRefID" and matcher.get("options") == ref
        if is_of_query or (matcher["id"] == "byName" and matcher.get("options") in names):
            for one in override["properties"]:
                if one["id"] == "unit":
                    return str(one["value"])
    return ""


def _columns(panel: Json) -> tuple[dict[str, str], frozenset[str]]:
    renamed: dict[str, str] = {}
    hidden: set[str] = set()
    for one in panel.get("transformations") or ():
        if one["id"] == "organize":
            renamed |= one.get("options", {}).get("renameByName") or {}
            hidden |= {name for name, out in (one["options"].get("excludeByName") or {}).items() if out}
    return renamed, frozenset(hidden)


def _variable(found: Json) -> Variable:
    kind, query = str(found["type"]), found.get("query", "")
    text = str(query.get("query", "")) if isinstance(query, dict) else str(query)
    values: tuple[str, ...] = ()
    if kind in _LISTED:
        values = tuple(one.rpartition(" : ")[2].strip() for one in text.split(",") if one.strip())
    elif kind in _FIXED:
        values = (text,)
    return Variable(
        str(found["name"]),
        kind,
        text if kind == _ASKED else "",
        values,
        bool(found.get("includeAll")),
        str(found.get("allValue") or ""),
    )


def _annotations(found: Json) -> Iterator[Annotation]:
    for one in found.get("annotations", {}).get("list", ()):
        expr = one.get("expr") or (one.get("target") or {}).get("expr")
        if expr:  # Grafana's own list of annotations has none
            yield Annotation(str(one.get("name", "")), str(expr))
