"""How does a service of AOM write what we keep in it: canonical form to body, and body to canonical form?

Reading is lenient where the service is known to write differently than it was written to: order, defaults, numbers as
strings, minutes as `1m` or `1min`. Sources: Huawei Cloud, AOM API reference, and its SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import orjson

from alerts.aom.alarms import DEFAULT_INSTANCE
from alerts.aom.resource import Form, Mark, Resource, without_mark
from alerts.errors import RuleError
from alerts.lengths import length_of
from alerts.promql import canonical

_TEMPLATE_VERSION: Final = "v2"
Body = dict[str, Any]


def described(resource: Resource, mark: Mark) -> str:
    """Return the description of a resource with the mark at its end."""
    return f"{resource.form.get('description', '')} {mark}".strip()


def alarm_rule_body(resource: Resource, mark: Mark) -> Body:
    """Return what `AddOrUpdateMetricOrEventAlarmRule` takes for a rule of native PromQL."""
    form = resource.form
    trigger = {
        "metric_query_mode": "NATIVE_PROM",
        "metric_namespace": "",
        "metric_name": resource.name,
        "metric_unit": "",
        "metric_labels": [],
        "promql": resource.sent["promql"],
        "promql_for": _length(form["held_for_s"]),
        "query_param": {},
        "thresholds": {form["severity"]: "0"},  # the comparison stands in the expression; this carries the severity
        "trigger_type": "FIXED_RATE",
        "trigger_interval": _length(form["every_s"]),
        "trigger_times": 1,
    }
    return {
        "alarm_rule_name": resource.name,
        "alias": resource.sent["alias"],
        "alarm_rule_type": "metric",
        "alarm_rule_enable": form["enabled"],
        "alarm_rule_description": described(resource, mark),
        "prom_instance_id": form.get("prom_instance_id", DEFAULT_INSTANCE),
        "alarm_notifications": {
            "notification_type": "direct",
            "route_group_enable": False,
            "route_group_rule": "",
            "notification_enable": True,
            "bind_notification_rule_id": form["action_rule"],
            "notify_resolved": "resolved" in form["notifies"],
            "notify_triggered": "triggered" in form["notifies"],
            "notify_frequency": form["repeats_s"],
        },
        "metric_alarm_spec": {
            "monitor_type": "promql",
            "no_data_conditions": [{"notify_no_data": False}],
            "alarm_tags": [{"auto_tags": [], "custom_tags": form["tags"], "custom_annotations": form["annotations"]}],
            "monitor_objects": [],
            "recovery_conditions": {"recovery_timeframe": form["recovers_after"]},
            "trigger_conditions": [trigger],
        },
    }


def alarm_rule_form(body: Mapping[str, Any]) -> Form:
    """Return the canonical form of a rule as AOM gives it; of one that is no rule of PromQL, as far as it goes."""
    told = _table(body, "alarm_notifications")
    spec = _table(body, "metric_alarm_spec")
    triggers = spec.get("trigger_conditions") or [{}]
    trigger = triggers[0]
    no_data = (spec.get("no_data_conditions") or [{}])[0]
    tags = (spec.get("alarm_tags") or [{}])[0]
    notifies = [word for word in ("resolved", "triggered") if _flag(told.get(f"notify_{word}"))]
    return {
        "enabled": _flag(body.get("alarm_rule_enable")),
        "description": without_mark(str(body.get("alarm_rule_description") or "")),
        "promql": _promql(str(trigger.get("promql") or "")),
        "held_for_s": _seconds(str(trigger.get("promql_for") or "")),
        "severity": "/".join(sorted(trigger.get("thresholds") or {})),
        "every_s": _seconds(str(trigger.get("trigger_interval") or "")),
        "tags": sorted(map(str, tags.get("custom_tags") or [])),
        "annotations": sorted(map(str, tags.get("custom_annotations") or [])),
        "action_rule": str(told.get("bind_notification_rule_id") or "")
        if _flag(told.get("notification_enable"))
        else "",
        "notifies": notifies,
        "repeats_s": _whole(told.get("notify_frequency")),
        "recovers_after": _whole(_table(spec, "recovery_conditions").get("recovery_timeframe")),
        "on_no_data": str(no_data.get("no_data_alert_state") or "") if _flag(no_data.get("notify_no_data")) else "",
        "prom_instance_id": str(body.get("prom_instance_id") or DEFAULT_INSTANCE),
        "further_conditions": len(triggers) - 1,
    }


def action_rule_body(resource: Resource, mark: Mark, project_id: str, urns: Mapping[str, str]) -> Body:
    """Return what `AddActionRule` takes; `urns` are those of the topics, by name."""
    form = resource.form
    return {
        "rule_name": resource.name,
        "project_id": project_id,
        "user_name": resource.sent["user"],
        "desc": described(resource, mark),
        "type": form["type"],
        "notification_template": form["template"],
        "time_zone": form["time_zone"],
        "smn_topics": [
            {"display_name": "", "name": topic, "push_policy": 0, "status": 1, "topic_urn": urns[topic]}
            for topic in form["topics"]
        ],
    }


def action_rule_form(body: Mapping[str, Any]) -> Form:
    """Return the canonical form of an action rule."""
    return {
        "description": without_mark(str(body.get("desc") or "")),
        "type": str(body.get("type") or ""),
        "template": str(body.get("notification_template") or ""),
        "time_zone": str(body.get("time_zone") or ""),
        "topics": sorted(str(one.get("topic_urn") or "").split(":")[-1] for one in body.get("smn_topics") or []),
    }


def template_body(resource: Resource, mark: Mark) -> Body:
    """Return what `CreateNotificationTemplate` takes."""
    templates = [{**one, "version": _TEMPLATE_VERSION} for one in resource.form["templates"]]
    return {
        "name": resource.name,
        "locale": resource.form["locale"],
        "desc": str(mark),
        "templates": orjson.dumps(templates).decode(),
    }


def template_form(body: Mapping[str, Any]) -> Form:
    """Return the canonical form of a message template."""
    given = body.get("templates") or []
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            given = []
    templates = [
        {key: str(one.get(key) or "") for key in ("subType", "topic", "content")}
        for one in given
        if isinstance(one, dict)
    ]
    return {
        "locale": str(body.get("locale") or ""),
        "templates": sorted(templates, key=lambda one: one["subType"]),
    }


def mute_rule_body(resource: Resource, mark: Mark) -> Body:
    """Return what `AddMuteRules` takes."""
    form = resource.form
    return {
        "name": resource.name,
        "desc": described(resource, mark),
        "timezone": form["time_zone"],
        "match": form["match"],
        "mute_config": {
            "type": form["repeats"],
            "starts_at": form["starts_at"],
            "ends_at": form["ends_at"],
            "scope": form["days"],
        },
    }


def mute_rule_form(body: Mapping[str, Any]) -> Form:
    """Return the canonical form of a mute rule."""
    config = _table(body, "mute_config")
    match = [
        sorted(
            (
                {
                    "key": str(one.get("key") or ""),
                    "operate": str(one.get("operate") or ""),
                    "value": sorted(map(str, one.get("value") or [])),
                }
                for one in conditions
            ),
            key=lambda one: str(one["key"]),
        )
        for conditions in body.get("match") or []
    ]
    return {
        "description": without_mark(str(body.get("desc") or "")),
        "time_zone": str(body.get("timezone") or ""),
        "match": match,
        "repeats": str(config.get("type") or ""),
        "starts_at": _whole(config.get("starts_at")),
        "ends_at": _whole(config.get("ends_at")),
        "days": sorted(_whole(day) for day in config.get("scope") or []),
    }


def _table(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = body.get(key)
    return found if isinstance(found, Mapping) else {}


def _flag(value: object) -> bool:
    return value is True or str(value).lower() == "true"


def _whole(value: object) -> int:
    with suppress(TypeError, ValueError):
        return int(str(value))
    return 0


def _length(length_s: int) -> str:
    return f"{length_s // 60}m" if length_s % 60 == 0 else f"{length_s}s"


def _seconds(text: str) -> int | str:
    """Return a length of time in seconds; one that is none, as it is."""
    try:
        return round(length_of(text).total_seconds())
    except RuleError:
        return text


def _promql(text: str) -> str:
    """Return an expression in canonical notation; one that is none, as it is."""
    try:
        return canonical(text)
    except RuleError:
        return " ".join(text.split())
