"""Does each panel of a deployed dashboard show something, asked through the Grafana that it stands in?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from dashboards.api import Grafana
from dashboards.checking import BUILT_IN, substituted
from dashboards.errors import GrafanaRefusedError

Json = dict[str, Any]

_POINTS: Final = 200
_STEP_MS: Final = 60_000
_ALL: Final = "$__all"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query of one panel came to: an error's words, or how many values of how many series."""

    dashboard: str
    panel: str
    letter: str
    error: str
    series: int
    values: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show, and no error either."""
        return not self.error and self.values == 0


def source_uid(grafana: Grafana, chosen: str) -> str:
    """Return the uid of the data source to ask: the chosen one, the default, or the only one."""
    found = grafana.sources()
    if chosen:
        if any(one.get("uid") == chosen for one in found):
            return chosen
        raise GrafanaRefusedError(f"no Prometheus has the uid {chosen!r}; there are: {_named(found)}")
    default = [one for one in found if one.get("isDefault")]
    if len(default or found) == 1:
        return str((default or found)[0]["uid"])
    raise GrafanaRefusedError(f"which Prometheus? Name it with --source UID; there are: {_named(found)}")


def ask(grafana: Grafana, board: Json, source: str, from_ms: int, to_ms: int) -> Iterator[Answer]:
    """Yield what came of each query of a dashboard in a stretch of time, with its variables at their first values."""
    values = {one["name"]: _first(one) for one in board["templating"]["list"]}
    # These a Grafana puts in itself, as it does for its own panels.
    kept = {name: f"$__{name.removeprefix('__')}" for name in BUILT_IN}
    for panel in board["panels"]:
        if not panel.get("targets"):
            continue
        queries = [_query(one, panel, source, values | kept) for one in panel["targets"]]
        results = grafana.query(queries, from_ms, to_ms)
        for one in queries:
            yield _answer(board["uid"], panel["title"], one["refId"], results.get(one["refId"]))


def _query(target: Json, panel: Json, source: str, values: dict[str, str]) -> Json:
    return {
        "refId": target["refId"],
        "datasource": {"type": "prometheus", "uid": source},
        "expr": substituted(target["expr"], values),
        "instant": target["instant"],
        "range": target["range"],
        "format": target["format"],
        "interval": panel.get("interval", ""),
        "intervalMs": _STEP_MS,
        "maxDataPoints": _POINTS,
    }


def _answer(dashboard: str, panel: str, letter: str, result: Any) -> Answer:
    if not isinstance(result, dict):
        return Answer(dashboard, panel, letter, "no answer came for it", 0, 0)
    if result.get("error"):
        return Answer(dashboard, panel, letter, str(result["error"])[:300], 0, 0)
    columns = [
        column
        for frame in result.get("frames", [])
        for field, column in zip(_of(frame, "schema", "fields"), _of(frame, "data", "values"), strict=False)
        if field.get("type") == "number"
    ]
    values = sum(1 for column in columns for value in column if value is not None)
    return Answer(dashboard, panel, letter, "", len(columns), values)


def _first(variable: Json) -> str:
    value = (variable.get("current") or {}).get("value", "")
    if value in (_ALL, [_ALL]):
        return str(variable["allValue"])
    return str(value)


def _named(found: list[Json]) -> str:
    return ", ".join(f"{one.get('uid')} ({one.get('name')})" for one in found) or "none"


def _of(frame: Json, part: str, key: str) -> list[Any]:
    """Return a part of a frame; a frame without values may lack it."""
    found = (frame.get(part) or {}).get(key)
    return found if isinstance(found, list) else []
