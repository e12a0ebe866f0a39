"""What does the user say of the account: where it is, whom alarms reach, when they are mute, which logs are kept?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

# Source: LTS API reference, CreateLogStream: Shanghai 1, Beijing 4, Guangzhou.
STREAM_RETENTION: Final = frozenset({"cn-east-3", "cn-north-4", "cn-south-1"})


# The services that may publish to our topics, as SMN calls them: without a policy none may, and AOM goes by APM's name.
PUBLISHERS: Final = ("apm", "lts")


class Protocol(StrEnum):
    """How SMN reaches somebody; the words are SMN's."""

    EMAIL = "email"
    SMS = "sms"
    WECHAT = "wechat"  # the robot of a group in WeCom
    DINGDING = "dingding"  # the robot of a group in DingTalk


# Whoever knows the address of a robot can speak to its group.
SECRET_PROTOCOLS = frozenset({Protocol.WECHAT, Protocol.DINGDING})


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the file; `shown` is how it was written, which for a secret is where it comes from."""

    shown: str
    value: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """What of it may be stored and shown: enough to see that it changed."""
        return hashlib.sha256(self.value.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Channel:
    """One address that a page or a ticket reaches."""

    protocol: Protocol
    to: Value
    keyword: str = ""
    sign_secret: Value | None = None


@dataclass(frozen=True, slots=True)
class Maintenance:
    """When nobody is to be told: once (times in ms since 1970) or again and again (seconds of the day)."""

    name: str
    repeats: str  # FIXED, DAILY, WEEKLY or MONTHLY, as AOM says it
    starts_at: int
    ends_at: int
    days: tuple[int, ...] = ()  # of the week, 1 is Monday; or of the month
    services: tuple[str, ...] = ()  # none: all of ours


@dataclass(frozen=True, slots=True)
class IndexField:
    """A field of a line of JSON that can be searched for by itself."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class LogStream:
    """A stream of logs with how long it is kept and what can be searched for."""

    group: str
    name: str
    retention_days: int
    fields: tuple[IndexField, ...]


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A group of streams."""

    name: str
    retention_days: int
    streams: tuple[LogStream, ...]


@dataclass(frozen=True, slots=True)
class LogAlarm:
    """An alarm when a word stands in too many lines."""

    name: str
    group: str
    stream: str
    keywords: str
    more_than: int
    within_minutes: int
    severity: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything about one account; `origin` is the file as the user named it."""

    origin: str
    region: str
    project_id: str
    prom_instance_id: str
    prefix: str
    iam_user: str
    time_zone: str
    locale: str
    domain_id: str = ""
    is_recorded: bool = False  # alarms read recorded series, which somebody wrote into AOM
    has_plain_descriptions: bool = False  # without links, in the alphabet that AOM documents for other rules
    publishers: tuple[str, ...] = PUBLISHERS
    channels: tuple[tuple[str, tuple[Channel, ...]], ...] = ()  # by severity
    maintenance: tuple[Maintenance, ...] = ()
    logs: tuple[LogGroup, ...] = ()
    log_alarms: tuple[LogAlarm, ...] = ()

    @property
    def has_stream_retention(self) -> bool:
        """Whether the streams of a group may be kept for different times here."""
        return self.region in STREAM_RETENTION

    def name(self, of: str) -> str:
        """Return the name under our prefix."""
        return f"{self.prefix}_{of}"

    def secrets(self) -> tuple[str, ...]:
        """Return what must not be shown to anybody."""
        every = [one for _, channels in self.channels for one in channels]
        robots = [one.to.value for one in every if one.protocol in SECRET_PROTOCOLS]
        return tuple(filter(None, [*robots, *(one.sign_secret.value for one in every if one.sign_secret)]))
