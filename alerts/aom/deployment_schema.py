"""Which form has a deployment file? Every key with what it may hold, as data."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from alerts.aom.deployment import Protocol
from alerts.aom.texts import LOCALES
from alerts.windows import Severity
from slo.openslo.schema import Choice, Field, ListOf, Number, Record, Schema, Text

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _record(required: Mapping[str, Schema], optional: Mapping[str, Schema], *exactly_one: tuple[str, ...]) -> Record:
    fields = {key: Field(schema, required=True) for key, schema in required.items()}
    fields |= {key: Field(schema) for key, schema in optional.items()}
    return Record(MappingProxyType(fields), exactly_one)


_NAME: Final = Text("letters, digits and _, at most 32, a letter first", 32, r"[A-Za-z](\w*[A-Za-z0-9])?")
_SERVICE: Final = Text("a service of the catalogue: letters, digits, - and _", 64, r"[\w-]+")
_ID: Final = Text("an id: letters, digits, - and _", 64, r"[\w-]+")
_SEVERITY: Final = Choice(tuple(one.value for one in Severity))
_TIME: Final = Text("a time of day such as 02:30, to 24:00", 5, r"([01]\d|2[0-3]):[0-5]\d|24:00")
_HOURS: Final = {"from": _TIME, "to": _TIME}
_INSTANT: Final = Text("an instant with a zone, such as 2026-12-01T02:00:00+08:00", 40)
# 1 to 365 days: LTS API reference, CreateLogGroup.
_RETENTION: Final = Number("whole days from 1 to 365", Fraction(0), Fraction(366))

_CHANNEL: Final = _record(
    {
        "protocol": Choice(tuple(one.value for one in Protocol)),
        "to": Text("an address, ${NAME} for a variable of the environment, or file:PATH", 1_000),
    },
    {"keyword": Text("the robot's keyword", 100), "sign_secret": Text("${NAME} or file:PATH", 1_000)},
)
_MAINTENANCE: Final = _record(
    {"name": _NAME},
    {
        "once": _record({"from": _INSTANT, "to": _INSTANT}, {}),
        "daily": _record(_HOURS, {}),
        "weekly": _record({"days": ListOf(Choice(DAYS), 1, 7), **_HOURS}, {}),
        "monthly": _record(
            {
                "days": ListOf(Number("a day of the month", Fraction(0), Fraction(32)), 1, 31),
                **_HOURS,
            },
            {},
        ),
        "services": ListOf(_SERVICE, 1, 5),  # a condition of a mute rule has at most five values
    },
    ("once", "daily", "weekly", "monthly"),
)
_INDEX: Final = _record(
    {"field": Text("the name of a field of the line", 128, r"[\w.-]+")},
    {"type": Choice(("string", "long", "float", "json"))},
)
_STREAM: Final = _record({"name": _NAME}, {"retention_days": _RETENTION, "index": ListOf(_INDEX, 1, 100)})
_GROUP: Final = _record({"group": _NAME, "retention_days": _RETENTION, "streams": ListOf(_STREAM, 1, 100)}, {})
_LOG_ALARM: Final = _record(
    {
        "name": _NAME,
        "stream": Text("group/stream, both of this file", 65, r"\w+/\w+"),
        "keywords": Text("words to be found in a line", 200),
        "more_than": Number("a whole number of lines", Fraction(-1), Fraction(10**9)),
        "within_minutes": Number("whole minutes from 1 to 60", Fraction(0), Fraction(61)),
        "severity": _SEVERITY,
    },
    {},
)

SCHEMA: Final = _record(
    {
        "region": Text("a region's id, such as cn-north-4", 64, r"[a-z0-9-]+"),
        "project_id": Text("the project's id, 32 letters and digits", 32, r"[0-9a-zA-Z]{32}"),
        "prom_instance_id": _ID,
        "prefix": Text("letters, digits and _, at most 24, a letter first", 24, r"[A-Za-z](\w*[A-Za-z0-9])?"),
        "iam_user": Text("the IAM user who owns the action rules", 64),
        "channels": _record({one.value: ListOf(_CHANNEL, 1, 20) for one in Severity}, {}),
    },
    {
        "domain_id": Text("the account's id, 32 letters and digits", 32, r"[0-9a-zA-Z]{32}"),
        "time_zone": Text("a time zone such as Asia/Shanghai", 64, r"[A-Za-z_]+(/[A-Za-z_+-]+)*"),
        "locale": Choice(LOCALES),
        "publishers": ListOf(Text("a service as SMN calls it, in small letters", 32, r"[a-z0-9_-]+"), 1, 20),
        "descriptions": Choice(("full", "plain")),
        "expressions": Choice(("inlined", "recorded")),
        "maintenance": ListOf(_MAINTENANCE, 0, 50),
        "logs": ListOf(_GROUP, 0, 50),
        "log_alarms": ListOf(_LOG_ALARM, 0, 100),
    },
)
