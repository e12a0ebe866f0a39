"""Does a dashboard keep to Grafana's own schema: the whole, each panel, its options, its settings of fields?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

SCHEMA = Path(__file__).parents[1] / "dashboards" / "schema" / "grafana.json"
# What Grafana's export adds beside the dashboard, and its type does not name.
EXPORTED = ("__inputs", "__requires", "__elements")


def faults(dashboard: dict[str, Any]) -> list[str]:
    """Return what Grafana's types do not allow, each with its place."""
    bare = {key: value for key, value in dashboard.items() if key not in EXPORTED}
    return list(_faults(bare))


def _faults(dashboard: dict[str, Any]) -> Iterator[str]:
    yield from _against("GrafanaDashboard", dashboard | {"panels": []}, "dashboard")
    for panel in dashboard.get("panels", []):
        yield from _of_panel(panel)
        for inner in panel.get("panels") or []:
            yield from _of_panel(inner)


def _of_panel(panel: dict[str, Any]) -> Iterator[str]:
    place = f"panel {panel.get('title')!r}"
    if panel["type"] == "row":
        yield from _against("GrafanaRow", panel | {"panels": []}, place)
        return
    yield from _against("GrafanaPanel", panel, place)
    kind = panel["type"].replace("-", "")
    yield from _against(f"{kind}Options", panel.get("options"), f"{place}: options")
    custom = ((panel.get("fieldConfig") or {}).get("defaults") or {}).get("custom")
    if custom is not None and f"{kind}FieldConfig" in _schema()["definitions"]:
        yield from _against(f"{kind}FieldConfig", custom, f"{place}: custom")
    elif custom:
        yield f"{place}: a {panel['type']} has no settings of fields, and has {sorted(custom)}"


def _against(name: str, found: Any, place: str) -> Iterator[str]:
    for error in _validator(name).iter_errors(found):
        where = ".".join(map(str, error.absolute_path))
        yield f"{place}: {where}: {error.message[:160]}"


@cache
def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA.read_text())
    return found


@cache
def _validator(name: str) -> Draft7Validator:
    assert name in _schema()["definitions"], f"{name} is not in {SCHEMA.name}: add the kind of panel to make.js"
    return Draft7Validator({**_schema(), "$ref": f"#/definitions/{name}"})
