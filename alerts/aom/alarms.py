"""Which alarm rule of AOM does an alert of the catalogue become?

The shape is a metric rule of native PromQL with the comparison inside the expression. It is that of Huawei's own code
for such rules (huaweicloud-skills, `huawei-cloud-cce-alarm-correlation-engine`); no page of the documents shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from alerts import names
from alerts.aom.deployment import Deployment
from alerts.aom.errors import DeploymentError
from alerts.aom.resource import Kind, Resource
from alerts.aom.texts import plain, plain_sentences, word
from alerts.inlining import inlined, records
from alerts.lengths import length_of
from alerts.promql import canonical
from alerts.windows import Severity

SEVERITIES: Final = {Severity.PAGE.value: "Critical", Severity.TICKET.value: "Minor"}
OWNER_TAG: Final = "letta_slo"  # a mute rule finds our alarms, and no others, by it
DEFAULT_INSTANCE: Final = "0"
_TAGS_AT_MOST: Final = 10
_EVERY_S: Final = 60
_PERIODS_AT_MOST: Final = 3  # without the condition until an alarm is cleared; longer is not to be had
_NAME_AT_MOST: Final = 100
# What the descriptions of AOM's event rules take (API reference, AddEvent2alarmRule); of metric rules it is not said.
_NOT_PLAIN: Final = re.compile(r"[^\w\-<>=,.\u4e00-\u9fff]+")
_DESCRIPTION_AT_MOST: Final = 900  # with the mark below 1,024, the limit of an action rule's; none is known for this
_SHARES: Final = re.compile(names.SPENT_INTRO + r"(?P<what>[^;]*?)\.(?:\s|$)")
_RULES_AT_MOST: Final = 3000  # of metrics and events in one project (AOM user guide, mon_01_0008)


def alarm_rules(groups: Iterable[Mapping[str, Any]], deployment: Deployment) -> list[Resource]:
    """Return the alarm rules of all alerts; raises RuleError, and DeploymentError where two would have one name."""
    every = list(groups)
    known = records(every)
    made: dict[str, Resource] = {}
    for rule in (one for group in every for one in group["rules"] if is_told(one)):
        name = rule_name(rule, deployment.prefix)
        if len(name) > _NAME_AT_MOST:
            raise DeploymentError(f"{name}: {len(name)} characters, and the name of an alarm rule has {_NAME_AT_MOST}")
        if name in made:
            raise DeploymentError(f"two alerts would be the one alarm rule {name}: give one of them another name")
        expression = " ".join(rule["expr"].split()) if deployment.is_recorded else inlined(rule["expr"], known)
        sent = {"promql": expression, "alias": "_".join(_parts(rule))}
        made[name] = Resource(Kind.ALARM_RULE, name, _form(rule, expression, deployment), sent)
    if len(made) > _RULES_AT_MOST:
        raise DeploymentError(f"{len(made):,} alarm rules, and a project has room for {_RULES_AT_MOST:,}")
    return list(made.values())


def is_told(rule: Mapping[str, Any]) -> bool:
    """Whether a rule is an alert that somebody is told of; the dead man's is not, and AOM needs none for itself."""
    return "alert" in rule and rule["labels"][names.SEVERITY_LABEL] in SEVERITIES


def _seconds(rule: Mapping[str, Any], key: str) -> int:
    return round(length_of(rule.get(key, "")).total_seconds())


def rule_name(rule: Mapping[str, Any], prefix: str) -> str:
    """Return what an alert is called in AOM; a rule's name is its identity there."""
    return "_".join(word(one) for one in (prefix, *_parts(rule)))


def _parts(rule: Mapping[str, Any]) -> list[str]:
    """Return what an alert is about, which it is, and whom it reaches."""
    labels = rule["labels"]
    of = labels.get(names.SLO_LABEL) or labels.get(names.COMPONENT_LABEL) or labels.get(names.SERVICE_LABEL, "")
    return [one for one in (of, rule["alert"], labels[names.SEVERITY_LABEL]) if one]


def _form(rule: Mapping[str, Any], expression: str, deployment: Deployment) -> dict[str, Any]:
    severity = rule["labels"][names.SEVERITY_LABEL]
    instance = deployment.prom_instance_id
    # What the service calls its default instance when it is asked for the rule is not known, so that is left open.
    where = {} if instance == DEFAULT_INSTANCE else {"prom_instance_id": instance}
    return {
        "enabled": True,
        "description": _description(rule["annotations"], is_plain=deployment.has_plain_descriptions),
        "promql": canonical(expression),
        "held_for_s": _seconds(rule, "for"),
        "severity": SEVERITIES[severity],
        "every_s": _EVERY_S,
        "tags": _tags(rule["labels"], rule["alert"], deployment.prefix),
        "annotations": _annotations(rule),
        "action_rule": deployment.name(severity),
        "notifies": ["resolved", "triggered"],
        "repeats_s": 0,
        "recovers_after": min(max(_seconds(rule, "keep_firing_for") // _EVERY_S, 1), _PERIODS_AT_MOST),
        "on_no_data": "",
        "further_conditions": 0,
        **where,
    }


def _description(notes: Mapping[str, str], *, is_plain: bool) -> str:
    parts = [
        f"{plain(notes.get('summary', '')).rstrip('.')}.",
        plain_sentences(notes.get("description", "")),
        f"Runbook: {notes['runbook_url']}" if notes.get("runbook_url") else "",
        f"Dashboard: {notes['dashboard_url']}" if notes.get("dashboard_url") else "",
    ]
    if is_plain:
        return " ".join(_NOT_PLAIN.sub(" ", " ".join(parts[:2])).split())[:_DESCRIPTION_AT_MOST]
    whole = " ".join(part for part in parts if part)
    if len(whole) <= _DESCRIPTION_AT_MOST:
        return whole
    return " ".join(part for part in (parts[0], *parts[2:]) if part)[:_DESCRIPTION_AT_MOST]


def _tags(labels: Mapping[str, str], alert: str, prefix: str) -> list[str]:
    ours = {"alert": alert, OWNER_TAG: prefix}
    tags = {word(key): word(str(value)) for key, value in {**labels, **ours}.items() if word(str(value))}
    if len(tags) > _TAGS_AT_MOST:
        raise DeploymentError(f"{alert}: {len(tags)} labels, and AOM takes {_TAGS_AT_MOST} tags")
    return sorted(f"{key}={value}" for key, value in tags.items())


def _annotations(rule: Mapping[str, Any]) -> list[str]:
    notes = rule["annotations"]
    said = {
        "runbook": word(PurePosixPath(notes.get("runbook_url", "")).stem),
        "fires_when": word(_fires_when(rule)),
    }
    return sorted(f"{key}={value}" for key, value in said.items() if value)


def _fires_when(rule: Mapping[str, Any]) -> str:
    """Return for which share of the budget within which window a page is, as the alert says it, or what it says."""
    notes = rule["annotations"]
    shares = _SHARES.search(notes.get("description", ""))
    if shares is None and rule["alert"] == names.BURN:
        raise DeploymentError(f"{rule['alert']} does not say {names.SPENT_INTRO.strip()!r} in its description")
    if shares is None:
        return plain(notes.get("summary", "")).split(": ")[-1]
    return f"budget spent {shares['what'].replace(' of the budget', '').replace('%', ' percent')}"
