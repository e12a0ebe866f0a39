"""What does an Alertmanager read: routes, times, inhibitions and receivers, and the templates of what it writes?"""

from __future__ import annotations

from typing import Any, Final

import yaml

from alerts import runbook
from alerts.links import Links
from alerts.notify import templates
from alerts.notify.reading import load
from alerts.notify.routes import inhibitions, intervals, route
from alerts.notify.settings import Channel, Email, Heartbeat, Settings, WecomApplication

CONFIG: Final = "alertmanager/alertmanager.yml"
TEMPLATES: Final = "alertmanager/letta-slo.tmpl"
PATH: Final = "/v1/notify/"  # of our receiver, before the name of a channel


def files(links: Links, settings: Settings | None = None) -> dict[str, str]:
    """Return the text of each file by its path, of the shipped example when no settings are given.

    The same settings, runbooks and links give the same bytes.
    """
    told = settings or load()
    config = yaml.dump(_config(told), sort_keys=False, allow_unicode=True, width=10_000)
    return {CONFIG: f"# {templates.HEADER}\n{config}", TEMPLATES: templates.text(runbook.load(), links)}


def _config(settings: Settings) -> dict[str, Any]:
    names = {
        "other": settings.ticket,
        "page": settings.page,
        "ticket": settings.ticket,
        "dead-man": settings.dead_man,
    }
    return {
        "templates": ["letta-slo.tmpl"],
        "route": route(settings),
        "time_intervals": intervals(settings),
        "inhibit_rules": inhibitions(),
        "receivers": [_receiver(name, told, settings) for name, told in names.items()],
    }


def _receiver(name: str, told: tuple[str, ...], settings: Settings) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name}
    for channel in (settings.channels[one] for one in told):
        key, config = _integration(channel, settings)
        made.setdefault(key, []).append(config)
    return made


def _integration(channel: Channel, settings: Settings) -> tuple[str, dict[str, Any]]:
    language = settings.language.value
    if isinstance(channel, Email):
        return "email_configs", _email(channel, language)
    if isinstance(channel, WecomApplication):
        return "wechat_configs", _wecom(channel, language)
    # One webhook a channel: an Alertmanager repeats what failed for each by itself, and never for the others.
    config: dict[str, Any] = {
        "url": f"{settings.receiver.url}{PATH}{channel.name}",
        "send_resolved": not isinstance(channel, Heartbeat),
    }
    if settings.receiver.token_file:
        config["http_config"] = {"authorization": {"credentials_file": settings.receiver.token_file}}
    return "webhook_configs", config


def _email(channel: Email, language: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "to": ", ".join(channel.to),
        "from": channel.sender,
        "smarthost": channel.smarthost,
        "require_tls": channel.require_tls,
        "send_resolved": True,
        "headers": {"Subject": _template(language, "subject")},
        "html": _template(language, "html"),
        "text": _template(language, "text"),
    }
    if channel.user:
        config |= {"auth_username": channel.user, "auth_password_file": channel.password_file}
    return config


def _wecom(channel: WecomApplication, language: str) -> dict[str, Any]:
    told = {"to_user": channel.to_user, "to_party": channel.to_party, "to_tag": channel.to_tag}
    return {
        "api_url": channel.api_url,
        "corp_id": channel.corp_id,
        "agent_id": channel.agent_id,
        "api_secret_file": channel.secret_file,
        **{key: value for key, value in told.items() if value},
        "message_type": "text",
        "message": _template(language, "wecom"),
        "send_resolved": True,
    }


def _template(language: str, name: str) -> str:
    return f'{{{{ template "letta_slo.{language}.{name}" . }}}}'
