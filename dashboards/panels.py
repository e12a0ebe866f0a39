"""How does one panel of ours become one of grafanalib's? What its classes do not know is given to it as JSON."""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_uppercase
from typing import Any, Final

from grafanalib import core

from alerts.links import Links
from dashboards.spec import Column, Kind, Link, Panel, Query, Step, ToDashboard, ToObjective, ToRunbook, Way

Json = dict[str, Any]

SOURCE: Final = "${datasource}"
# Grafana: the range that is shown, and the source of data, go along.
_NOW: Final = "${__url_time_range}&${datasource:queryparam}"
_NOW_ONLY: Final = (Kind.STAT, Kind.TABLE)


def made(panel: Panel, number: int, where: core.GridPos, links: Links) -> core.Panel:
    """Return the panel of grafanalib with this number at this place; `links` says where runbooks and dashboards are."""
    common: Json = {
        "title": panel.title,
        "id": number,
        "gridPos": where,
        "description": panel.description,
        "transparent": panel.kind is Kind.TEXT,
    }
    if panel.kind is Kind.TEXT:
        return core.Text(content=panel.text, mode="markdown", **common)
    common |= {
        "dataSource": SOURCE,
        "targets": [_target(place, one, panel) for place, one in enumerate(panel.queries)],
        "interval": panel.every,
        "links": [_way(one, links) | {"type": "link"} for one in panel.links],
    }
    made_ = _MAKERS[panel.kind](panel, common)
    of_field = made_.extraJson["fieldConfig"]
    of_field["defaults"]["links"] = [_way(one, links) for one in panel.series_links]
    if panel.kind is Kind.TABLE:
        made_.overrides = [_override(one, links) for one in panel.columns]
    return made_


def _target(place: int, query: Query, panel: Panel) -> Json:
    form = {Kind.TABLE: "table", Kind.HEATMAP: "heatmap"}.get(panel.kind, "time_series")
    now_only = panel.kind in _NOW_ONLY
    target = core.Target(
        expr=query.expr,
        legendFormat=query.legend,
        refId=ascii_uppercase[place],
        format=form,
        instant=now_only,
        datasource=SOURCE,
    )
    told: Json = target.to_json_data()
    return told | {"range": not now_only, "exemplar": query.has_exemplars, "editorMode": "code"}


def _way(one: Way, links: Links) -> Json:
    match one:
        case Link():
            title, url = one.title, one.url
        case ToRunbook():
            title, url = f"Runbook: {one.name}", links.runbook(one.name)
        case ToDashboard():
            title, url = one.title, f"{links.dashboard(one.key)}?{_NOW}"
        case ToObjective():
            title, url = "This objective in detail", f"{links.dashboard('objective')}?{_NOW}&var-slo={one.slo}"
    return {"title": title, "url": url, "targetBlank": False}


def _steps(steps: tuple[Step, ...]) -> list[Json]:
    return [{"color": one.colour.value, "value": None if one.above is None else float(one.above)} for one in steps]


def _mappings(panel: Panel) -> list[Json]:
    if not panel.values:
        return []
    named = {
        str(value): {"text": text, "color": colour.value, "index": place}
        for place, (value, text, colour) in enumerate(panel.values)
    }
    return [{"type": "value", "options": named}]


def _field(panel: Panel, **more: Any) -> Json:
    """Return what fields of every kind of panel have, and grafanalib has no word for."""
    return {
        "noValue": panel.no_data,
        **more,
    }


def _timeseries(panel: Panel, common: Json) -> core.Panel:
    return core.TimeSeries(
        **common,
        unit=panel.unit.value,
        thresholds=_steps(panel.steps),
        thresholdsStyleMode="dashed" if panel.steps else "off",
        fillOpacity=20 if panel.is_stacked else 0,
        stacking={"group": "A", "mode": "normal" if panel.is_stacked else "none"},
        showPoints="never",
        lineWidth=2,
        legendDisplayMode="list",
        tooltipMode="multi",
        tooltipSort="desc",
        axisSoftMin=0,
        valueMax=panel.maximum,
        valueDecimals=panel.decimals,
        mappings=_mappings(panel),
        extraJson={"fieldConfig": {"defaults": _field(panel)}, "options": {"legend": {"showLegend": True}}},
    )


def _stat(panel: Panel, common: Json) -> core.Panel:
    colours = bool(panel.steps or panel.values)
    options = {"percentChangeColorMode": "standard", "showPercentChange": False, "wideLayout": True}
    return core.Stat(
        **common,
        format=panel.unit.value,
        noValue=panel.no_data,
        decimals=panel.decimals,
        reduceCalc="lastNotNull",
        colorMode="background" if colours else "value",
        graphMode="none",
        orientation="auto",
        textMode="value_and_name" if len(panel.queries) > 1 or panel.series_links else "auto",
        thresholds=_steps(panel.steps),
        mappings=_mappings(panel),
        extraJson={
            "fieldConfig": {"defaults": _field(panel, color={"mode": "thresholds"})},
            "options": options,
        },
    )


def _states(panel: Panel, common: Json) -> core.Panel:
    return core.StateTimeline(
        **common,
        thresholds=_steps(panel.steps),
        mappings=_mappings(panel),
        mergeValues=True,
        fillOpacity=80,
        showValue="auto",
        extraJson={
            "fieldConfig": {"defaults": _field(panel, unit=panel.unit.value)},
            "options": {"legend": {"showLegend": True, "calcs": []}, "tooltip": {"sort": "none"}},
        },
    )


def _heatmap(panel: Panel, common: Json) -> core.Panel:
    scheme = {"exponent": 0.5, "fill": "dark-blue", "mode": "scheme", "reverse": False, "scheme": "Blues", "steps": 64}
    return core.Heatmap(
        **common,
        extraJson={
            "fieldConfig": {"defaults": _field(panel), "overrides": []},
            "options": {
                "calculate": False,
                "color": scheme,
                "exemplars": {"color": "rgba(255,0,255,0.7)"},
                "legend": {"show": True},
                "showValue": "never",
                "tooltip": {"mode": "single", "yHistogram": True},
                "yAxis": {"unit": panel.unit.value},
                "cellGap": 1,
                "filterValues": {"le": 1e-9},
            },
        },
    )


def _table(panel: Panel, common: Json) -> core.Panel:
    fields = [one.of if isinstance(one.of, str) else f"Value #{ascii_uppercase[one.of]}" for one in panel.columns]
    organised = {
        "excludeByName": {"Time": True},
        "includeByName": {},
        "indexByName": {name: place for place, name in enumerate(fields)},
        "renameByName": {name: one.title for name, one in zip(fields, panel.columns, strict=True)},
    }
    return core.Table(
        **common,
        transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": organised}],
        thresholds=[],
        sortBy=[core.TableSortByField(displayName=panel.sorted_by)] if panel.sorted_by else [],
        extraJson={"fieldConfig": {"defaults": _field(panel)}, "options": {"frameIndex": 0, "cellHeight": "sm"}},
    )


def _override(column: Column, links: Links) -> Json:
    properties: list[Json] = [{"id": "unit", "value": column.unit.value}]
    if column.decimals is not None:
        properties.append({"id": "decimals", "value": column.decimals})
    if column.steps:
        properties += [
            {"id": "thresholds", "value": {"mode": "absolute", "steps": _steps(column.steps)}},
            {"id": "color", "value": {"mode": "thresholds"}},
            {"id": "custom.cellOptions", "value": {"type": "color-text"}},
        ]
    if column.link:
        properties.append({"id": "links", "value": [_way(column.link, links)]})
    return {"matcher": {"id": "byName", "options": column.title}, "properties": properties}


_MAKERS: Final[dict[Kind, Callable[[Panel, Json], core.Panel]]] = {
    Kind.TIMESERIES: _timeseries,
    Kind.STAT: _stat,
    Kind.STATES: _states,
    Kind.HEATMAP: _heatmap,
    Kind.TABLE: _table,
}
