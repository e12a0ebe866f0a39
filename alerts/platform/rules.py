"""Which rules do the alarms of the platform become?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alerts import names
from alerts.lengths import span
from alerts.links import Links
from alerts.platform.alarms import Alarm, by_component


def groups(alarms: Iterable[Alarm], links: Links) -> list[dict[str, Any]]:
    """Return a group of rules for each component."""
    return [
        {"name": names.platform_group(component), "rules": [_rule(one, links) for one in of_it]}
        for component, of_it in by_component(alarms)
    ]


def _rule(one: Alarm, links: Links) -> dict[str, Any]:
    rule: dict[str, Any] = {"alert": one.name, "expr": one.expression}
    if one.held:
        rule["for"] = span(one.held)
    if one.kept:
        rule["keep_firing_for"] = span(one.kept)
    rule["labels"] = {
        names.COMPONENT_LABEL: one.component,
        names.SERVICE_LABEL: one.service,
        names.SEVERITY_LABEL: one.severity,
    }
    rule["annotations"] = {
        "summary": one.summary,
        "description": one.description,
        "runbook_url": links.runbook(one.runbook),
        "dashboard_url": links.dashboard(one.dashboard),
    }
    return rule
