"""How does a dashboard become Grafana's JSON? By grafanalib, and then in the shapes that a Grafana of today reads."""

from __future__ import annotations

import json
from typing import Any, Final

from grafanalib import core
from grafanalib._gen import DashboardEncoder

from alerts.links import Links
from dashboards import panels
from dashboards.layout import Place, places
from dashboards.normalising import normalised
from dashboards.spec import TAG, Annotation, Choice, Dashboard, Row, Variable

Json = dict[str, Any]

_REFRESH: Final = "1m"
_STEP: Final = "60s"  # of annotations: how often rules are evaluated, and starts looked for
_ALL: Final = "$__all"


def rendered(dashboard: Dashboard, links: Links) -> Json:
    """Return a dashboard as it is provisioned: its uid fixed, its number left to Grafana. Raises DashboardError."""
    return normalised(raw_by_grafanalib(dashboard, links))


def raw_by_grafanalib(dashboard: Dashboard, links: Links) -> Json:
    """Return what grafanalib itself makes of a dashboard: shapes of many versions of Grafana ago."""
    made = core.Dashboard(
        title=dashboard.title,
        description=dashboard.description,
        uid=dashboard.uid,
        tags=[*dashboard.tags],
        editable=False,
        graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        refresh=_REFRESH,
        timezone="browser",
        time=core.Time(dashboard.span, "now"),
        templating=core.Templating(list=[_variable(one) for one in dashboard.variables]),
        annotations=core.Annotations(list=[_annotation(one) for one in dashboard.annotations]),
        links=_top(),
        panels=[_placed(one, links) for one in places(dashboard)],
    )
    found: Json = json.loads(json.dumps(made, cls=DashboardEncoder))
    return found


def _placed(place: Place, links: Links) -> core.Panel:
    where = core.GridPos(h=place.height, w=place.width, x=place.x, y=place.y)
    if isinstance(place.what, Row):
        return core.RowPanel(title=place.what.title, id=place.id, gridPos=where)
    return panels.made(place.what, place.id, where, links)


def _top() -> list[core.DashboardLink]:
    return [
        core.DashboardLink(
            title="All of letta-slo",
            type="dashboards",
            tags=[TAG],
            asDropdown=True,
            keepTime=True,
            includeVars=False,
        ),
        *(
            core.DashboardLink(title=title, type="link", uri=f"${{{name}:raw}}", keepTime=False, includeVars=False)
            for title, name in (("Traces", "apm"), ("Logs", "lts"))
        ),
    ]


def _variable(one: Variable) -> core.Template:
    if one.choice is Choice.QUERY:
        return core.Template(
            one.name,
            one.query,
            dataSource=panels.SOURCE,
            label=one.label,
            default=_ALL if one.has_all else one.first,
            includeAll=one.has_all,
            multi=one.has_all,
            allValue=".+" if one.has_all else None,
            refresh=core.REFRESH_ON_TIME_RANGE_CHANGE,
        )
    first = "default" if one.choice is Choice.DATA_SOURCE else one.query
    return core.Template(one.name, one.query, label=one.label, default=first, type=one.choice.value)


def _annotation(one: Annotation) -> Json:
    return {
        "name": one.name,
        "datasource": panels.SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": one.colour.value,
        "expr": one.expr,
        "step": _STEP,
        "titleFormat": one.title,
        "textFormat": one.text,
        "tagKeys": ",".join(one.tags),
        "useValueForTime": one.is_time_in_value,
    }
