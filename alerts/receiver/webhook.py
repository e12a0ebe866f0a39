"""What does an Alertmanager say in a webhook (version 4)?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

VERSION: Final = "4"


class PayloadError(Exception):
    """The body is no webhook of an Alertmanager; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; `ended` is None while it fires."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fingerprint: str
    started: datetime
    ended: datetime | None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True)
class Notification:
    """Alerts of one group, as they are told at once; `place` is the address of the Alertmanager."""

    group: str
    severity: str
    alerts: tuple[Alert, ...]
    place: str

    @property
    def is_over(self) -> bool:
        """Whether all of it has ended."""
        return all(alert.ended is not None for alert in self.alerts)

    @property
    def key(self) -> str:
        """What is the same when the same thing is told again: the group, and which alerts began and ended when."""
        alerts = sorted(f"{one.fingerprint} {one.started.isoformat()} {one.ended is not None}" for one in self.alerts)
        return "\n".join([self.group, *alerts])


def parse(body: bytes) -> Notification:
    """Return what a webhook says; raises PayloadError."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise PayloadError(f"the body is no JSON: {error}") from error
    if not isinstance(found, dict) or found.get("version") != VERSION:
        said = found.get("version") if isinstance(found, dict) else type(found).__name__
        raise PayloadError(f"version {said!r}; webhooks of version {VERSION!r} are understood")
    alerts = found.get("alerts")
    if not isinstance(alerts, list) or not alerts:
        raise PayloadError("alerts: a list with at least one alert is needed")
    common = _texts(found.get("commonLabels", {}), "commonLabels")
    return Notification(
        str(found.get("groupKey", "")),
        common.get("severity", ""),
        tuple(_alert(one, f"alerts[{index}]") for index, one in enumerate(alerts)),
        str(found.get("externalURL", "")),
    )


def _alert(found: Any, where: str) -> Alert:
    if not isinstance(found, dict) or found.get("status") not in ("firing", "resolved"):
        raise PayloadError(f"{where}.status: firing or resolved is needed")
    return Alert(
        _texts(found.get("labels", {}), f"{where}.labels"),
        _texts(found.get("annotations", {}), f"{where}.annotations"),
        str(found.get("fingerprint", "")),
        _time(found.get("startsAt"), f"{where}.startsAt"),
        _time(found.get("endsAt"), f"{where}.endsAt") if found["status"] == "resolved" else None,
    )


def _texts(found: Any, where: str) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise PayloadError(f"{where}: texts by their names are needed")
    return dict(found)


def _time(found: Any, where: str) -> datetime:
    try:
        time = datetime.fromisoformat(str(found))
    except ValueError as error:
        raise PayloadError(f"{where}: {found!r} is no time of RFC 3339") from error
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
