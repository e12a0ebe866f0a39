"""How does grafanalib's JSON, with shapes of Grafana 5 to 8, become what a Grafana of today reads without guessing?

Its `schemaVersion` of 12 makes a Grafana migrate thirty steps; a newer number alone would have it skip the steps that
the old shapes need. So the shapes are mended here, and the number is that of the shapes.
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

SCHEMA_VERSION: Final = 42
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

# Of each object the keys that today's Grafana knows; grafanalib writes more, which were once.
_DASHBOARD: Final = (
    "title uid tags description editable graphTooltip refresh timezone time timepicker templating annotations links "
    "panels"
).split()
_PANEL: Final = (
    "id type title description gridPos datasource targets interval links fieldConfig options transformations "
    "transparent"
).split()
_ROW: Final = "id type title gridPos collapsed panels".split()
_TARGET: Final = "refId datasource expr legendFormat format instant range exemplar editorMode".split()
_LINK: Final = {
    "asDropdown": False,
    "icon": "external link",
    "includeVars": False,
    "keepTime": False,
    "tags": [],
    "targetBlank": False,
    "title": "",
    "tooltip": "",
    "type": "link",
    "url": "",
}
_VARIABLE: Final = (
    "name label type query datasource current options includeAll multi allValue refresh sort skipUrlSync hide"
).split()


def normalised(raw: Json) -> Json:
    """Return a dashboard of grafanalib's in the shapes of schema version 42, without a null but its number's."""
    found = _kept(raw, _DASHBOARD)
    found |= {
        "id": None,
        "schemaVersion": SCHEMA_VERSION,
        "version": 0,
        "timepicker": {},
        "templating": {"list": [_variable(one) for one in raw["templating"]["list"]]},
        "annotations": {"list": [one | {"datasource": dict(SOURCE)} for one in raw["annotations"]["list"]]},
        "links": [_link(one) for one in raw["links"]],
        "panels": [_panel(one) for one in raw["panels"]],
    }
    return found


def _kept(found: Json, keys: list[str]) -> Json:
    return {key: found[key] for key in keys if found.get(key) is not None}


def _panel(raw: Json) -> Json:
    if raw["type"] == "row":
        return _kept(raw, _ROW) | {"panels": [_panel(one) for one in raw["panels"]]}
    found = _kept(raw, _PANEL)
    found["links"] = [_link(one) for one in raw["links"]]
    if raw["type"] == "text":
        for key in ("targets", "fieldConfig", "datasource", "transformations"):
            found.pop(key, None)
        found["options"] = raw["options"]
        return found
    found["datasource"] = dict(SOURCE)
    found["targets"] = [_kept(one, _TARGET) | {"datasource": dict(SOURCE)} for one in raw["targets"]]
    found["fieldConfig"] = _field_config(raw)
    found["options"] = _without_nulls(raw.get("options", {}))
    return found


def _field_config(raw: Json) -> Json:
    config = raw["fieldConfig"]
    defaults = _without_nulls(config["defaults"])
    defaults["mappings"] = defaults.get("mappings", [])
    steps = config["defaults"].get("thresholds", {}).get("steps") or [{"color": "text", "value": None}]
    defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    custom = defaults.get("custom", {})
    if raw["type"] == "table":
        custom = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}
    if raw["type"] == "state-timeline":
        custom = {key: custom[key] for key in ("fillOpacity", "lineWidth") if key in custom}
    scale = custom.get("scaleDistribution")
    if scale == {"type": "linear", "log": 2}:
        custom["scaleDistribution"] = {"type": "linear"}
    if custom:
        defaults["custom"] = custom
    else:
        defaults.pop("custom", None)
    return {"defaults": defaults, "overrides": config.get("overrides") or []}


def _link(raw: Json) -> Json:
    given = {("url" if key == "uri" else key): value for key, value in raw.items() if value is not None}
    return {key: given.get(key, default) for key, default in _LINK.items()}


def _variable(raw: Json) -> Json:
    found = _kept(raw, _VARIABLE)
    value = raw["current"]["value"]
    if raw["type"] == "query":
        found["datasource"] = dict(SOURCE)
        found["query"] = {"query": raw["query"], "refId": f"variable-{raw['name']}"}
        is_all = value == "$__all"
        text: Any = ["All"] if is_all else value
        found["current"] = {"selected": is_all, "text": text, "value": [value] if is_all else value} if value else {}
        found["options"] = []
        return found
    for key in ("datasource", "includeAll", "multi", "allValue", "sort"):
        found.pop(key, None)
    chosen = {"selected": True, "text": value, "value": value}
    found["current"] = chosen
    found["options"] = [dict(chosen)] if raw["type"] == "textbox" else []
    if raw["type"] == "textbox":
        found.pop("refresh", None)
    return found


def _without_nulls(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _without_nulls(value) for key, value in found.items() if value is not None}
    if isinstance(found, list):
        return [_without_nulls(one) for one in found]
    return found
