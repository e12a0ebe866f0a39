"""Who is told of which alert, by which channel, and when?

No secret is ever part of the settings: they name a file or an environment variable that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from alerts.errors import SettingsError

DURATION: Final = re.compile(r"([1-9]\d*)(ms|s|m|h|d)")
WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
# DingTalk and WeCom both document 20 messages a minute for a robot; for SMN, which takes thousands, it spares phones.
ROBOT_A_MINUTE: Final = 20


class Language(StrEnum):
    """In which language messages are written; what the rules themselves say stays English."""

    EN = "en"
    ZH = "zh"


class RobotKind(StrEnum):
    """Whose group robot it is."""

    DINGTALK = "dingtalk_robot"
    WECOM = "wecom_robot"


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is kept: in a file, or in an environment variable."""

    file: str = ""
    env: str = ""

    def read(self, environ: Mapping[str, str]) -> str:
        """Return it without white space around it; raises SettingsError when it is not there or empty."""
        if self.file:
            try:
                found = Path(self.file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(
                    f"{self.file}: cannot be read, {type(error).__name__}: name another file"
                ) from error
        else:
            found = environ.get(self.env, "").strip()
        if not found:
            place = self.file or f"the environment variable {self.env}"
            raise SettingsError(f"{place}: nothing is in it; a secret is expected there")
        return found


@dataclass(frozen=True, slots=True)
class Email:
    """E-mail, which an Alertmanager sends by itself."""

    name: str
    to: tuple[str, ...]
    sender: str
    smarthost: str
    user: str = ""
    password_file: str = ""
    require_tls: bool = True


@dataclass(frozen=True, slots=True)
class WecomApplication:
    """A message of a WeCom application to persons, which an Alertmanager from 0.31 sends by itself."""

    name: str
    corp_id: str
    agent_id: str
    secret_file: str
    to_user: str = ""
    to_party: str = ""
    to_tag: str = ""
    api_url: str = "https://qyapi.weixin.qq.com/cgi-bin/"


@dataclass(frozen=True, slots=True)
class Robot:
    """A robot in a group of DingTalk or WeCom; `secret` signs for DingTalk."""

    name: str
    kind: RobotKind
    url: Secret
    secret: Secret | None = None
    a_minute: int = ROBOT_A_MINUTE


@dataclass(frozen=True, slots=True)
class Smn:
    """A topic of Huawei Cloud's SMN, whose subscribers get a text of SMS length."""

    name: str
    endpoint: str
    project_id: str
    topic_urn: str
    a_minute: int = ROBOT_A_MINUTE


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """An address outside that expects to be called, and raises the alarm when it is not."""

    name: str
    url: Secret


ByReceiver = Robot | Smn | Heartbeat
Channel = Email | WecomApplication | ByReceiver


@dataclass(frozen=True, slots=True)
class Hours:
    """A time of the week: days as an Alertmanager names them, and from when to when; empty is always."""

    weekdays: str = ""
    start: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """When nobody is told of alerts of these services; of none named: of any."""

    name: str
    hours: Hours
    date: str = ""
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long an Alertmanager collects before it tells, and after which time it tells again."""

    group_wait: str = "30s"
    group_interval: str = "5m"
    repeat_page: str = "1h"
    repeat_ticket: str = "1d"
    heartbeat: str = "1m"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where an Alertmanager finds `letta-slo receiver`, and the file with the token that it shows there."""

    url: str = "http://127.0.0.1:9095"
    token_file: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """All of it."""

    language: Language
    time_zone: str
    working_hours: Hours
    alertmanager: tuple[int, int]
    receiver: Receiver
    rhythm: Rhythm
    channels: Mapping[str, Channel]
    page: tuple[str, ...]
    ticket: tuple[str, ...]
    dead_man: tuple[str, ...]
    maintenance: tuple[Maintenance, ...] = ()

    def through_receiver(self) -> tuple[ByReceiver, ...]:
        """Return the channels that our receiver serves, in their order."""
        return tuple(one for one in self.channels.values() if isinstance(one, ByReceiver))

    @property
    def remembered_s(self) -> float:
        """For how long a receiver takes a notification that it delivered as delivered, in seconds.

        Shorter than any repetition that is meant.
        """
        shortest = min(seconds(self.rhythm.repeat_page), seconds(self.rhythm.repeat_ticket))
        return min(600.0, shortest / 2)


def seconds(duration: str) -> float:
    """Return a duration such as 5m in seconds; raises ValueError."""
    found = DURATION.fullmatch(duration)
    if found is None:
        raise ValueError(duration)
    return int(found[1]) * _SECONDS[found[2]]
