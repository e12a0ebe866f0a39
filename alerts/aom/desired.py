"""What should be in the account? The alerts of the catalogue and the user's deployment, in canonical form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from alerts import names
from alerts.aom.alarms import OWNER_TAG, SEVERITIES, alarm_rules
from alerts.aom.deployment import Channel, Deployment, LogAlarm, LogGroup, LogStream, Maintenance
from alerts.aom.errors import DeploymentError
from alerts.aom.resource import ORDER, Kind, Resource
from alerts.aom.texts import LOCALES, message_template, word
from alerts.links import Links


def desired(groups: Iterable[Mapping[str, Any]], deployment: Deployment, links: Links) -> list[Resource]:
    """Return everything that should be there, in the order in which it is made; raises RuleError, DeploymentError."""
    made = [
        *_logs(deployment),
        *_notification(deployment, links),
        *alarm_rules(groups, deployment),
        *(_mute_rule(one, deployment) for one in deployment.maintenance),
        *(_log_alarm(one, deployment) for one in deployment.log_alarms),
    ]
    names = [(one.kind, one.name) for one in made]
    twice = sorted({name for kind, name in names if names.count((kind, name)) > 1})
    if twice:
        raise DeploymentError(f"{deployment.origin}: twice in one deployment: {', '.join(twice)}")
    _check_reached(made, deployment)
    return sorted(made, key=lambda one: ORDER[one.kind])


def topic_name(deployment: Deployment, severity: str) -> str:
    """Return the name of the topic of a severity; the action rule has the same."""
    return deployment.name(severity)


def _check_reached(made: list[Resource], deployment: Deployment) -> None:
    wanted = {one.form["action_rule"] for one in made if one.kind in {Kind.ALARM_RULE, Kind.LOG_ALARM}}
    for severity, channels in deployment.channels:
        if not channels and deployment.name(severity) in wanted:
            raise DeploymentError(
                f"{deployment.origin}: channels.{severity}: nobody is there, and some alarms are of this severity: "
                f"name at least one address"
            )


def _notification(deployment: Deployment, links: Links) -> Iterator[Resource]:
    for locale in LOCALES:
        form = {"locale": locale, "templates": message_template(locale, links.runbooks, links.grafana)}
        yield Resource(Kind.TEMPLATE, template_name(deployment, locale), form)
    for severity, channels in deployment.channels:
        if not channels:
            continue
        topic = topic_name(deployment, severity)
        yield Resource(
            Kind.TOPIC, topic, {"display_name": f"letta-slo {severity}", "publishers": list(deployment.publishers)}
        )
        for one in channels:
            yield _subscription(topic, one)
        rule = {
            "description": f"Who is told of a {severity}",
            "type": "1",  # a notification
            "template": template_name(deployment, deployment.locale),
            "time_zone": deployment.time_zone,
            "topics": [topic],
        }
        # Whether the service keeps the user that is sent, or takes the one who asks, is not known: it is not compared.
        yield Resource(Kind.ACTION_RULE, deployment.name(severity), rule, {"user": deployment.iam_user})


def template_name(deployment: Deployment, locale: str) -> str:
    """Return the name of the message template of a locale."""
    return deployment.name(f"template_{locale.partition('-')[0]}")


def subscription_name(topic: str, protocol: str, fingerprint: str) -> str:
    """Return how a subscription is called here; SMN has no name for one."""
    return f"{topic}/{protocol}/{fingerprint}"


def _subscription(topic: str, one: Channel) -> Resource:
    secret = one.sign_secret.fingerprint if one.sign_secret else ""
    form = {
        "topic": topic,
        "protocol": one.protocol.value,
        "to": one.to.fingerprint,
        "extension": f"{one.keyword} {secret}".strip(),
    }
    sent = {
        "endpoint": one.to.value,
        "keyword": one.keyword,
        "sign_secret": one.sign_secret.value if one.sign_secret else "",
        "shown": one.to.shown,
    }
    return Resource(Kind.SUBSCRIPTION, subscription_name(topic, one.protocol.value, one.to.fingerprint), form, sent)


def _mute_rule(one: Maintenance, deployment: Deployment) -> Resource:
    ours: dict[str, Any] = {"key": OWNER_TAG, "operate": "EQUALS", "value": [deployment.prefix]}
    of = {"key": names.SERVICE_LABEL, "operate": "EQUALS", "value": sorted(word(name) for name in one.services)}
    form = {
        "description": f"Maintenance {one.name}",
        "time_zone": deployment.time_zone,
        "match": [[ours, of] if one.services else [ours]],
        "repeats": one.repeats,
        "starts_at": one.starts_at,
        "ends_at": one.ends_at,
        "days": list(one.days),
    }
    return Resource(Kind.MUTE_RULE, deployment.name(f"mute_{one.name}"), form)


def _logs(deployment: Deployment) -> Iterator[Resource]:
    for group in deployment.logs:
        yield _log_group(group, deployment)
        for stream in group.streams:
            yield from _log_stream(stream, deployment)


def _log_group(one: LogGroup, deployment: Deployment) -> Resource:
    return Resource(Kind.LOG_GROUP, deployment.name(one.name), {"retention_days": one.retention_days})


def _log_stream(one: LogStream, deployment: Deployment) -> Iterator[Resource]:
    group = deployment.name(one.group)
    name = f"{group}/{deployment.name(one.name)}"
    form = (
        {"group": group, "retention_days": one.retention_days} if deployment.has_stream_retention else {"group": group}
    )
    yield Resource(Kind.LOG_STREAM, name, form)
    fields = sorted(({"name": each.name, "type": each.type} for each in one.fields), key=lambda each: each["name"])
    yield Resource(Kind.LOG_INDEX, name, {"full_text": True, "fields": fields})


def _log_alarm(one: LogAlarm, deployment: Deployment) -> Resource:
    form = {
        "description": f"More than {one.more_than} lines with the keywords within {one.within_minutes} minutes",
        "stream": f"{deployment.name(one.group)}/{deployment.name(one.stream)}",
        "keywords": one.keywords,
        "more_than": one.more_than,
        "within_minutes": one.within_minutes,
        "severity": SEVERITIES[one.severity],
        "action_rule": deployment.name(one.severity),
        "account": deployment.domain_id,
    }
    return Resource(Kind.LOG_ALARM, deployment.name(f"log_{one.name}"), form)
