"""How are settings of notification read? Strictly: an unknown key, a wrong kind or an impossible mix is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.errors import SettingsError
from alerts.notify.keys import Keys, Value
from alerts.notify.settings import (
    DURATION,
    ROBOT_A_MINUTE,
    WEEKDAYS,
    Channel,
    Email,
    Heartbeat,
    Hours,
    Language,
    Maintenance,
    Receiver,
    Rhythm,
    Robot,
    RobotKind,
    Settings,
    Smn,
    WecomApplication,
)
from slo.openslo.yaml_tree import Faults, Table, read_documents

EXAMPLE: Final = Path(__file__).with_name("example.yaml")

_DAY: Final = f"(?:{'|'.join(WEEKDAYS)})"
_WEEKDAYS = Value(f"{_DAY}(?::{_DAY})?", "a day or a range of them, such as monday:friday")
_CLOCK = Value(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00", 'a time of the day in quotes, such as "09:00"')
_DATE = Value(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])", "a date such as 2026-12-24")
_NAME = Value(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", "small letters, digits and hyphens")
_DURATION = Value(DURATION.pattern, "a duration such as 30s, 5m, 4h, 1d")
_URL = Value(r"https?://[^\s@]+", "an address that begins with https:// or http://, without credentials")
_ANY = Value(r"\S(?:.*\S)?", "a text")
_MAIL = Value(r"[^\s@<>]+@[^\s@<>]+", "an e-mail address")
_HOST = Value(r"[^\s:/@]+:\d{1,5}", "host:port")
_VERSION = Value(r"\d+\.\d+", 'a version in quotes, such as "0.25"')
_SECRET_FILE_OF_WECOM: Final = (
    0,
    31,
)  # the first Alertmanager that reads the secret of a WeCom application from a file
_OLDEST: Final = (0, 25)  # time zones of intervals, and the password of e-mail from a file
_KINDS: Final = ("email", "wecom_application", *(kind.value for kind in RobotKind), "smn", "heartbeat")


def load(file: Path | None = None) -> Settings:
    """Return the settings of a file, the shipped example when none is given; raises SettingsError."""
    place = file or EXAMPLE
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{place}: cannot be read, {type(error).__name__}: name a readable file") from error
    return parse(text, "alerts/notify/example.yaml" if file is None else str(file))


def parse(text: str, origin: str) -> Settings:
    """Return the settings that a YAML text holds; raises SettingsError, one line for each fault."""
    faults = Faults(origin)
    documents = read_documents(text, faults)
    settings = None
    if not faults.errors:
        tree = documents[0] if len(documents) == 1 else None
        if isinstance(tree, Table):
            settings = _settings(Keys(tree, "", faults))
        else:
            faults.add(1, "", f"{len(documents)} documents", "one document, a mapping")
    if settings is None or faults.errors:
        raise SettingsError("\n".join(str(error) for error in sorted(faults.errors, key=lambda error: error.line)))
    return settings


def _settings(keys: Keys) -> Settings | None:
    version = keys.text("alertmanager", _VERSION, "0.25")
    spoken = tuple(int(part) for part in version.split(".")) if version else _OLDEST
    alertmanager = (spoken[0], spoken[1])
    if alertmanager < _OLDEST:
        keys.fault("alertmanager", version, "0.25 or newer")
    zone = keys.text("time_zone", _ANY, "Asia/Shanghai")
    _check_zone(keys, zone)
    channels = _channels(keys, alertmanager)
    routes = keys.table("routes", required=True)
    told = {name: _told(routes, name, channels) for name in ("page", "ticket", "dead_man")}
    made = Settings(
        language=Language(keys.word("language", [one.value for one in Language], "en")),
        time_zone=zone,
        working_hours=_hours(keys.table("working_hours"), Hours("monday:friday", "09:00", "18:00")),
        alertmanager=alertmanager,
        receiver=_receiver(keys.table("receiver")),
        rhythm=_rhythm(keys.table("rhythm")),
        channels=channels,
        **told,
        maintenance=tuple(_maintenance(one) for one in keys.tables("maintenance")),
    )
    keys.refuse_others()
    _check_names(keys, made.maintenance)
    return made


def _check_zone(keys: Keys, zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        keys.fault("time_zone", repr(zone), "a time zone such as Asia/Shanghai or UTC")


def _check_names(keys: Keys, windows: tuple[Maintenance, ...]) -> None:
    names = [one.name for one in windows]
    for name in sorted({name for name in names if names.count(name) > 1}):
        keys.fault("maintenance", f"the name {name!r} twice", "each name once")


def _told(routes: Keys, name: str, channels: Mapping[str, Channel]) -> tuple[str, ...]:
    found = routes.texts(name, _NAME)
    for one in found:
        if one not in channels:
            routes.word_fault(name, one, list(channels))
    wrong = [one for one in found if isinstance(channels.get(one), Heartbeat) != (name == "dead_man")]
    for one in wrong:
        allowed = "channels of kind heartbeat alone" if name == "dead_man" else "channels that tell a person something"
        if one in channels:
            routes.fault(name, repr(one), allowed)
    if not found and name != "dead_man":
        routes.fault(name, "nobody", "at least one channel")
    if name == "dead_man":
        routes.refuse_others()
    return found


def _channels(keys: Keys, alertmanager: tuple[int, int]) -> dict[str, Channel]:
    made: dict[str, Channel] = {}
    for name, one in keys.named_tables("channels"):
        if not re.fullmatch(_NAME.pattern, name):
            one.fault("", repr(name), f"a name of {_NAME.allowed}")
        kind = one.word("kind", list(_KINDS))
        if kind == "wecom_application" and alertmanager < _SECRET_FILE_OF_WECOM:
            one.fault(
                "kind",
                "wecom_application with an Alertmanager that cannot read its secret from a file",
                'alertmanager: "0.31" or newer, or a channel of kind wecom_robot',
            )
        if kind:
            made[name] = _channel(name, kind, one)
            one.refuse_others()
    return made


def _channel(name: str, kind: str, keys: Keys) -> Channel:
    if kind == "email":
        return _email(name, keys)
    if kind == "wecom_application":
        return _wecom_application(name, keys)
    if kind == "smn":
        endpoint = keys.text("endpoint", _URL, required=True)
        project = keys.text("project_id", _ANY, required=True)
        topic = keys.text("topic_urn", Value(r"urn:smn:\S+", "the URN of a topic"), required=True)
        return Smn(name, endpoint, project, topic, keys.number("a_minute", ROBOT_A_MINUTE))
    if kind == "heartbeat":
        return Heartbeat(name, keys.secret("url"))
    sign = keys.secret("secret") if kind == RobotKind.DINGTALK and keys.has("secret") else None
    return Robot(name, RobotKind(kind), keys.secret("url"), sign, keys.number("a_minute", ROBOT_A_MINUTE))


def _email(name: str, keys: Keys) -> Email:
    made = Email(
        name,
        keys.texts("to", _MAIL, required=True),
        keys.text("from", _MAIL, required=True),
        keys.text("smarthost", _HOST, required=True),
        keys.text("user", _ANY),
        keys.text("password_file", _ANY),
        keys.flag("require_tls", default=True),
    )
    if bool(made.user) != bool(made.password_file):
        keys.fault("user", "one of user and password_file", "both or neither")
    return made


def _wecom_application(name: str, keys: Keys) -> WecomApplication:
    made = WecomApplication(
        name,
        keys.text("corp_id", _ANY, required=True),
        keys.text("agent_id", Value(r"\d+", "a number"), required=True),
        keys.text("secret_file", _ANY, required=True),
        keys.text("to_user", _ANY),
        keys.text("to_party", _ANY),
        keys.text("to_tag", _ANY),
        keys.text("api_url", _URL, "https://qyapi.weixin.qq.com/cgi-bin/"),
    )
    if not (made.to_user or made.to_party or made.to_tag):
        keys.fault("", "nobody to tell", "at least one of to_user, to_party, to_tag")
    return made


def _receiver(keys: Keys) -> Receiver:
    made = Receiver(keys.text("url", _URL, Receiver().url).rstrip("/"), keys.text("token_file", _ANY))
    keys.refuse_others()
    return made


def _rhythm(keys: Keys) -> Rhythm:
    usual = Rhythm()
    made = Rhythm(
        *(
            keys.text(name, _DURATION, getattr(usual, name))
            for name in ("group_wait", "group_interval", "repeat_page", "repeat_ticket", "heartbeat")
        )
    )
    keys.refuse_others()
    return made


def _hours(keys: Keys, usual: Hours = Hours()) -> Hours:  # noqa: B008  # frozen
    made = Hours(
        keys.text("weekdays", _WEEKDAYS, usual.weekdays),
        keys.text("from", _CLOCK, usual.start),
        keys.text("to", _CLOCK, usual.end),
    )
    if bool(made.start) != bool(made.end):
        keys.fault("from", "one of from and to", "both or neither")
    elif made.start and made.start >= made.end:
        keys.fault(
            "from",
            f"{made.start} to {made.end}",
            'an end after the begin; over midnight: one to "24:00", one from "00:00"',
        )
    keys.refuse_others("name", "date", "services")
    return made


def _maintenance(keys: Keys) -> Maintenance:
    made = Maintenance(
        keys.text("name", _NAME, required=True),
        _hours(keys),
        keys.text("date", _DATE),
        keys.texts("services", _ANY),
    )
    if made.date and made.hours.weekdays:
        keys.fault("date", "a date and weekdays", "one of them")
    if made.hours == Hours() and not made.date:
        keys.fault("", "a maintenance that never ends", "weekdays, from and to, or a date")
    return made
