"""What does an Alertmanager post in tests? Webhooks of version 4, as a real one sends them."""

from __future__ import annotations

from typing import Any

import orjson

from alerts.receiver.webhook import Notification, parse

STARTED, ENDED = "2026-11-22T10:00:00.123456789Z", "2026-11-22T10:42:10Z"


def alert(
    summary: str = "Bridge success: the error budget burns", *, over: bool = False, **labels: str
) -> dict[str, Any]:
    return {
        "status": "resolved" if over else "firing",
        "labels": {"alertname": "SloErrorBudgetBurn", "severity": "page", "slo": "bridge-success", **labels},
        "annotations": {
            "summary": summary,
            "description": "Sentence one. What is left of the budget lasts for 1d 2h.",
            "runbook_url": "https://runbooks.example/error-budget-burn.md",
            "dashboard_url": "https://grafana.example/d/letta-slo-objective",
        },
        "startsAt": STARTED,
        "endsAt": ENDED if over else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": labels.get("fingerprint", "74aa08df53338cb4"),
    }


def webhook(*alerts: dict[str, Any], group: str = "{}/{severity=page}", severity: str = "page") -> bytes:
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": group,
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "page",
            "groupLabels": {},
            "commonLabels": {"severity": severity},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.example",
            "alerts": list(alerts) or [alert()],
        }
    )


def notification(*alerts: dict[str, Any], group: str = "{}/{severity=page}", severity: str = "page") -> Notification:
    return parse(webhook(*alerts, group=group, severity=severity))
