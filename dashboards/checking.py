"""What is wrong with a dashboard that no schema sees: numbers given twice, overlaps, names that nothing defines?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Any, Final

from alerts.errors import RuleError
from alerts.promql import parse
from dashboards.normalising import SOURCE
from dashboards.spec import COLUMNS, TAG, UID_PREFIX

Json = dict[str, Any]

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)|\$\{(__[\w.]+)\}")
_LONGEST_UID: Final = 40  # Grafana's limit
# What Grafana itself puts in the place of these, and what stands for it where an expression is only read.
BUILT_IN: Final = {
    "__rate_interval": "1m",
    "__interval": "15s",
    "__range": "6h",
    "__range_s": "21600",
    "__from": "0",
    "__to": "0",
}
_GRAFANAS: Final = ("__all", "__url_time_range", "__all_variables", "__field", "__value", "__data", "__series")
_STAND_IN: Final = "1"


def faults(board: Json) -> list[str]:
    """Return what is wrong, each in words that say where."""
    return [*_identity(board), *_numbers(board), *_overlaps(board), *_sources(board), *_names(board), *_queries(board)]


def expressions(board: Json) -> Iterator[tuple[str, str]]:
    """Yield each PromQL expression of a dashboard, panels' and annotations', with the title of where it stands."""
    for panel in _panels(board):
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for one in board["annotations"]["list"]:
        if "expr" in one:
            yield one["name"], one["expr"]


def substituted(expression: str, chosen: dict[str, str] | None = None) -> str:
    """Return an expression with values in the place of Grafana's variables: those chosen, or any that can be parsed."""
    values = BUILT_IN | (chosen or {})

    def value_of(found: re.Match[str]) -> str:
        return values.get(next(group for group in found.groups() if group), _STAND_IN)

    return _VARIABLE.sub(value_of, expression)


def _panels(board: Json) -> Iterator[Json]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels") or []


def _identity(board: Json) -> Iterator[str]:
    uid = board.get("uid") or ""
    if not uid.startswith(UID_PREFIX) or len(uid) > _LONGEST_UID:
        yield f"uid {uid!r} must begin with {UID_PREFIX} and have at most {_LONGEST_UID} characters"
    if TAG not in board.get("tags", []):
        yield f"it has no tag {TAG!r}, by which it is known as ours"
    if board.get("id") is not None:
        yield f"id {board['id']} must be left to the Grafana that keeps it"


def _numbers(board: Json) -> Iterator[str]:
    counts = Counter(panel.get("id") for panel in _panels(board))
    for number, times in counts.items():
        if number is None or times > 1:
            yield f"{times} panels have the id {number}"


def _overlaps(board: Json) -> Iterator[str]:
    for one in board["panels"]:
        place = one["gridPos"]
        if place["x"] < 0 or place["x"] + place["w"] > COLUMNS:
            yield f"panel {one['title']!r} stands outside the {COLUMNS} columns"
    for one, other in combinations(board["panels"], 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"panels {one['title']!r} and {other['title']!r} overlap"


def _overlap(one: Json, other: Json) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or below)


def _sources(board: Json) -> Iterator[str]:
    for panel in _panels(board):
        if panel["type"] in ("row", "text"):
            continue
        for found in (panel.get("datasource"), *(target.get("datasource") for target in panel["targets"])):
            if found != SOURCE:
                yield f"panel {panel['title']!r}: data source {found!r} is not the dashboard's variable"
    for one in (*board["annotations"]["list"], *board["templating"]["list"]):
        if one.get("type") not in ("datasource", "textbox") and one.get("datasource") != SOURCE:
            yield f"{one['name']!r}: data source {one.get('datasource')!r} is not the dashboard's variable"


def _names(board: Json) -> Iterator[str]:
    defined = {one["name"] for one in (*board["templating"]["list"], *board.get("__inputs", []))}
    for place, found in _strings(board):
        for match in _VARIABLE.finditer(found):
            name = next(group for group in match.groups() if group).split(".")[0]
            if name not in defined and name not in BUILT_IN and name not in _GRAFANAS:
                yield f"{place}: no variable is called {name!r}"
    for one in board["templating"]["list"]:
        if one.get("includeAll") and not one.get("allValue"):
            yield f"variable {one['name']!r}: All without allValue finds nothing where a label is empty"


def _strings(found: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(found, str):
        yield place, found
    elif isinstance(found, dict):
        for key, value in found.items():
            yield from _strings(value, f"{place}.{key}" if place else key)
    elif isinstance(found, list):
        for number, value in enumerate(found):
            name = value.get("title") or value.get("name") if isinstance(value, dict) else None
            yield from _strings(value, f"{place}[{name or number}]")


def _queries(board: Json) -> Iterator[str]:
    for title, expression in expressions(board):
        try:
            parse(substituted(expression))
        except RuleError as error:
            yield f"panel {title!r}: {error}"
    for panel in _panels(board):
        letters = Counter(target["refId"] for target in panel.get("targets", []))
        yield from (f"panel {panel['title']!r}: {times} queries {one}" for one, times in letters.items() if times > 1)
