"""A double of AOM's alarms: names are identity, bodies come back normalised, to delete what is not there succeeds.

Source: Huawei Cloud, AOM API reference and SDK. Codes of errors but AOM.02021062 are made up.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from testbed.cloud.accounts import ACCOUNT
from testbed.cloud.management.store import Answered, AnswerError, Asked, Row, Store, only

_PAGE_AT_MOST: Final = 100  # fewer than a client may ask for, so that one that believes its own number is found out
_BUILT_IN: Final = ("aom.built-in.template.zh", "aom.built-in.template.en")
_TAG: Final = re.compile(r"[A-Za-z0-9_]+=[A-Za-z0-9_]+")
_ACTION_RULE_NAME: Final = re.compile(r"[A-Za-z0-9一-鿿](\w*[A-Za-z0-9一-鿿])?")
_ACTION_RULE_DESC: Final = re.compile(r"(?!_)[A-Za-z0-9_* 一-鿿]{0,1024}(?<!_)")
_RULE: Final = set(
    "alarm_notifications alarm_rule_description alarm_rule_enable alarm_rule_name alarm_rule_type event_alarm_spec "
    "metric_alarm_spec prom_instance_id alias".split()
)
_TRIGGER_DEFAULTS: Final = {
    "aggregation_type": "",
    "aggregation_window": "",
    "operator": "",
    "query_match": "[]",
    "expression": "",
    "metric_statistic_method": "",
}
_DEFAULT_INSTANCE: Final = "00000000-0000-4000-8000-00000000aaaa"  # what "0" may come back as
_SEVERITIES: Final = {"Critical", "Major", "Minor", "Info"}


class Aom:
    """Rules of alarms, actions, muting and messages, and events."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write_rule(self, asked: Asked) -> Answered:
        """POST /v4/{project_id}/alarm-rules?action_id=add-alarm-action|update-alarm-action."""
        body = only(asked.json, _RULE, "the rule")
        name, action = body.get("alarm_rule_name"), asked.query.get("action_id")
        is_there = name in self._store.alarm_rules
        if action == "add-alarm-action" and is_there:
            raise AnswerError(400, "AOM.02021062", f"alarm rule name {name} already exists")
        if action == "update-alarm-action" and not is_there:
            raise AnswerError(404, "AOM.02021061", f"alarm rule {name} does not exist")
        if action not in {"add-alarm-action", "update-alarm-action"} or not name:
            raise AnswerError(400, "AOM.02021001", f"action_id is {action!r}, the name {name!r}")
        self._check_rule(body)
        before = self._store.alarm_rules.get(name, {"alarm_rule_id": self._store.number()})
        self._store.alarm_rules[name] = {**_normalised(body), "alarm_rule_id": before["alarm_rule_id"]}
        results = [{"alarm_rule_name": name, "result": "success"}]
        return Answered({"error_code": "200", "error_message": "success", "alarm_rules": results})

    def list_rules(self, asked: Asked) -> Answered:
        """GET /v4/{project_id}/alarm-rules, filtered fuzzily by name, in pages."""
        wanted = asked.query.get("name", "")
        found = [row for name, row in sorted(self._store.alarm_rules.items()) if wanted.lower() in name.lower()]
        limit, offset = min(asked.whole("limit", _PAGE_AT_MOST), _PAGE_AT_MOST), asked.whole("offset", 0)
        page = found[offset : offset + limit]
        return Answered({"alarm_rules": page, "metadata": {"limit": limit, "offset": offset}, "count": len(found)})

    def delete_rules(self, asked: Asked) -> Answered:
        """DELETE /v4/{project_id}/alarm-rules."""
        names = only(asked.json, {"alarm_rules"}, "the body")["alarm_rules"]
        for name in names:
            self._store.alarm_rules.pop(name, None)
        return Answered({"resources": [{"alarm_rule_name": name} for name in names]})

    def write_action_rule(self, asked: Asked) -> Answered:
        """POST and PUT /v2/{project_id}/alert/action-rules."""
        fields = set("rule_name project_id user_name desc type notification_template time_zone smn_topics".split())
        body = only(asked.json, fields, "the action rule")
        name = self._name(body.get("rule_name"), asked, "action_rules")
        if not _ACTION_RULE_NAME.fullmatch(name) or not _ACTION_RULE_DESC.fullmatch(body.get("desc", "")):
            raise AnswerError(400, "AOM.08001003", f"{name}: the name or the description has characters not allowed")
        urns = [one.get("topic_urn") for one in body.get("smn_topics", ())]
        if not 1 <= len(urns) <= 5 or not set(urns) <= set(self._store.topics):
            raise AnswerError(400, "AOM.08001004", f"{name}: the topics {urns}")
        if body.get("notification_template") not in {*_BUILT_IN, *self._store.templates}:
            raise AnswerError(400, "AOM.08001005", f"{name}: no template {body.get('notification_template')!r}")
        if body.get("project_id") != ACCOUNT.project_id or not body.get("user_name"):
            raise AnswerError(400, "AOM.08001006", f"{name}: project_id and user_name are required")
        # Who asks may come to stand in the place of who was named.
        self._store.action_rules[name] = {**body, "user_name": "who-asked", "create_time": 1, "update_time": 2}
        return Answered(status=204)

    def list_action_rules(self, asked: Asked) -> Answered:
        """GET /v2/{project_id}/alert/action-rules."""
        del asked
        return Answered({"action_rules": list(self._store.action_rules.values())})

    def delete_action_rules(self, asked: Asked) -> Answered:
        """DELETE /v2/{project_id}/alert/action-rules; one that a rule is bound to is refused, which is ours."""
        for name in asked.json:
            bound = [one for one, row in self._store.alarm_rules.items() if _bound_to(row) == name]
            if bound:
                raise AnswerError(400, "AOM.08001007", f"{name} is bound to {len(bound)} alarm rules")
            self._store.action_rules.pop(name, None)
        return Answered(status=204)

    def write_template(self, asked: Asked) -> Answered:
        """POST and PUT /v2/{project_id}/events/notification/templates."""
        body = only(asked.json, {"name", "locale", "desc", "templates", "source"}, "the template")
        name = self._name(body.get("name"), asked, "templates")
        try:
            items = orjson.loads(body.get("templates", ""))
        except orjson.JSONDecodeError as error:
            raise AnswerError(400, "AOM.08003003", "templates is no JSON in a string") from error
        if body.get("locale") not in {"zh-cn", "en-us"} or not all(one.get("content") for one in items):
            raise AnswerError(400, "AOM.08003004", "a locale, and content for each sort, are required")
        # The sorts come back in another order, each with what it was not given.
        kept = [{"sendType": "", **one} for one in reversed(items)]
        text = orjson.dumps(kept).decode()
        self._store.templates[name] = {**body, "templates": text, "enterprise_project_id": "0", "modify_time": 1}
        return Answered({"result": "success"})

    def list_templates(self, asked: Asked) -> Answered:
        """GET /v2/{project_id}/events/notification/templates, Huawei's own among them."""
        del asked
        own = [{"name": name, "locale": "zh-cn", "desc": "", "templates": "[]", "source": ""} for name in _BUILT_IN]
        return Answered([*own, *self._store.templates.values()])

    def delete_templates(self, asked: Asked) -> Answered:
        """DELETE /v2/{project_id}/events/notification/templates; one in use is refused, which is ours."""
        for name in only(asked.json, {"names"}, "the body")["names"]:
            if any(row["notification_template"] == name for row in self._store.action_rules.values()):
                raise AnswerError(400, "AOM.08003007", f"{name} is in use")
            self._store.templates.pop(name, None)
        return Answered({"result": "success"})

    def write_mute_rule(self, asked: Asked) -> Answered:
        """POST and PUT /v2/{project_id}/alert/mute-rules."""
        body = only(asked.json, {"name", "desc", "timezone", "match", "mute_config"}, "the mute rule")
        name = self._name(body.get("name"), asked, "mute_rules")
        config = only(body.get("mute_config"), {"type", "starts_at", "ends_at", "scope"}, "mute_config")
        if config.get("type") not in {"FIXED", "DAILY", "WEEKLY", "MONTHLY"} or not body.get("match"):
            raise AnswerError(400, "AOM.08004003", f"{name}: a type and a match are required")
        kept = {**config, "starts_at": str(config["starts_at"])}  # numbers come back as strings here and there
        self._store.mute_rules[name] = {**body, "mute_config": kept, "create_time": 1, "user_id": "somebody"}
        return Answered(status=204)

    def list_mute_rules(self, asked: Asked) -> Answered:
        """GET /v2/{project_id}/alert/mute-rules: a bare list."""
        del asked
        return Answered(list(self._store.mute_rules.values()))

    def delete_mute_rules(self, asked: Asked) -> Answered:
        """DELETE /v2/{project_id}/alert/mute-rules."""
        for one in asked.json:
            self._store.mute_rules.pop(one["name"], None)
        return Answered(status=204)

    def push_events(self, asked: Asked) -> Answered:
        """PUT /v2/{project_id}/push/events[?action=clear]."""
        needed = {"event_name", "event_severity", "event_type", "resource_provider", "resource_type", "resource_id"}
        for event in only(asked.json, {"events"}, "the body")["events"]:
            metadata = event.get("metadata", {})
            if missing := sorted(needed - set(metadata)):
                raise AnswerError(400, "AOM.08005003", f"an event without {', '.join(missing)}")
            if asked.query.get("action") == "clear":
                for one in self._store.events:
                    one["is_cleared"] |= one["metadata"]["event_name"] == metadata["event_name"]
            else:
                number = str(self._store.number())
                self._store.events.append({**event, "id": number, "event_sn": f"sn{number}", "is_cleared": False})
        return Answered(status=204)

    def list_events(self, asked: Asked) -> Answered:
        """POST /v2/{project_id}/events?type=active_alert|history_alert, filtered by metadata."""
        body = only(asked.json, {"time_range", "search", "sort", "metadata_relation", "step"}, "the query")
        wanted = [(one["key"], one["value"]) for one in body.get("metadata_relation", ())]
        cleared = asked.query.get("type") == "history_alert"
        found = [
            one
            for one in self._store.events
            if one["is_cleared"] == cleared and all(one["metadata"].get(key) in values for key, values in wanted)
        ]
        return Answered({"events": found, "page_info": {"current_count": len(found)}})

    def list_notified(self, asked: Asked) -> Answered:
        """GET /v2/{project_id}/alarm-notified-histories?event_sn=: every event notified the first action rule."""
        number = asked.query.get("event_sn", "")
        rules = sorted(self._store.action_rules)
        if not rules or number not in {one["event_sn"] for one in self._store.events}:
            return Answered({"notified_histories": []})
        told = {"action_rule": rules[0], "notifier_channel": "SMN", "smn_channel": {"smn_topic": rules[0]}}
        return Answered({"notified_histories": [{"event_sn": number, "notifications": [told]}]})

    def _check_rule(self, body: Row) -> None:
        name, told = body["alarm_rule_name"], body.get("alarm_notifications") or {}
        spec = body.get("metric_alarm_spec") or {}
        triggers = spec.get("trigger_conditions") or []
        tags = (spec.get("alarm_tags") or [{}])[0]
        wrong = ""
        if told.get("bind_notification_rule_id") not in self._store.action_rules:
            wrong = f"no action rule {told.get('bind_notification_rule_id')!r}"
        elif len(triggers) != 1 or not triggers[0].get("promql") or "metric_name" not in triggers[0]:
            wrong = "one trigger condition with promql and metric_name is required"
        elif triggers[0].get("metric_query_mode") == "NATIVE_PROM" and spec.get("monitor_type") != "promql":
            wrong = "monitor_type must be promql"
        elif not set(triggers[0].get("thresholds") or {}) <= _SEVERITIES or not triggers[0].get("thresholds"):
            wrong = f"thresholds {triggers[0].get('thresholds')}"
        elif "alarm_tags" not in spec or "recovery_conditions" not in spec:
            wrong = "alarm_tags and recovery_conditions are required"
        elif not all(_TAG.fullmatch(tag) for key in ("custom_tags", "custom_annotations") for tag in tags.get(key, ())):
            wrong = f"a tag has characters that are not allowed: {tags}"
        if wrong:
            raise AnswerError(400, "AOM.02021002", f"{name}: {wrong}")

    def _name(self, name: Any, asked: Asked, kind: str) -> str:
        """Return a name that may be written: a new one by POST, a known one by PUT."""
        known = getattr(self._store, kind)
        if not isinstance(name, str) or not name:
            raise AnswerError(400, "AOM.08001001", f"the name is {name!r}")
        is_new = asked.params["method"] == "POST"
        if is_new and name in known:
            raise AnswerError(400, "AOM.08001002", f"{name} already exists")
        if not is_new and name not in known:
            raise AnswerError(404, "AOM.08001404", f"{name} does not exist")
        return name


def _bound_to(rule: Row) -> str:
    return str((rule.get("alarm_notifications") or {}).get("bind_notification_rule_id", ""))


def _normalised(body: Row) -> Row:
    """Return a rule as it comes back: keys in another order, defaults added, no alias, minutes spelt out."""
    spec = body["metric_alarm_spec"]
    trigger = {**_TRIGGER_DEFAULTS, **spec["trigger_conditions"][0]}
    trigger["trigger_interval"] = re.sub(r"^(\d+)m$", r"\1min", trigger.get("trigger_interval", ""))
    trigger["trigger_times"] = str(trigger.get("trigger_times", ""))
    trigger["promql"] = trigger["promql"].replace(" > ", ">").replace("\n", " ")
    tags = spec["alarm_tags"][0]
    kept = {
        **spec,
        "alarm_rule_template_bind_enable": False,
        "alarm_tags": [{**tags, "custom_tags": list(reversed(tags.get("custom_tags", [])))}],
        "trigger_conditions": [dict(sorted(trigger.items(), reverse=True))],
    }
    rule = {key: value for key, value in body.items() if key != "alias"}
    told = {**body["alarm_notifications"], "notify_frequency": str(body["alarm_notifications"]["notify_frequency"])}
    return {
        **rule,
        "alarm_notifications": told,
        "metric_alarm_spec": dict(sorted(kept.items(), reverse=True)),
        "prom_instance_id": _DEFAULT_INSTANCE if body.get("prom_instance_id") == "0" else body["prom_instance_id"],
        "alarm_rule_status": "OK",
        "enterprise_project_id": "0",
        "alarm_create_time": 1,
        "alarm_update_time": 2,
    }
