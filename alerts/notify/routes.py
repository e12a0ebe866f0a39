"""Which way does an alert go, when is nobody told, and which alert makes another one needless?"""

from __future__ import annotations

from typing import Any, Final

from alerts import names
from alerts.notify.settings import WEEKDAYS, Hours, Maintenance, Settings
from alerts.windows import Severity

DEAD_MAN: Final = "DeadMan"
WORKING_HOURS: Final = "working-hours"
GROUPED_BY: Final = ("alertname", names.SERVICE_LABEL, names.SLO_LABEL)
_AT_ONCE: Final = "1s"
# Alarms of platforms that end in Down say that a part does not answer at all.
_DOWN: Final = ".+Down"
# What burns because Letta is down: its own objectives, and this one of the bridge. The bridge's other objectives hold
# while Letta is down (that is what the fallback is for), so they are told of.
BECAUSE_OF_LETTA: Final = ((names.SERVICE_LABEL, "letta-api"), (names.SLO_LABEL, "bridge-answered-by-letta"))


def route(settings: Settings) -> dict[str, Any]:
    """Return the tree of routes. What no branch takes is told as a ticket is, but at any time: nothing gets lost."""
    rhythm = settings.rhythm
    page = _branch(settings, Severity.PAGE, {"repeat_interval": rhythm.repeat_page})
    ticket = _branch(settings, Severity.TICKET, {"repeat_interval": rhythm.repeat_ticket})
    dead_man = {
        "receiver": "dead-man",
        "matchers": [_is("alertname", DEAD_MAN)],
        "group_wait": _AT_ONCE,
        "group_interval": rhythm.heartbeat,
        "repeat_interval": _AT_ONCE,  # were it the same time, every other call would come too early to be one
    }
    return {
        "receiver": "other",
        "group_by": list(GROUPED_BY),
        "group_wait": rhythm.group_wait,
        "group_interval": rhythm.group_interval,
        "repeat_interval": rhythm.repeat_ticket,
        "routes": [dead_man, page, ticket],
    }


def intervals(settings: Settings) -> list[dict[str, Any]]:
    """Return the named times: the working hours, and each maintenance."""
    zone = settings.time_zone
    working = {"name": WORKING_HOURS, "time_intervals": [_time(settings.working_hours, "", zone)]}
    return [
        working,
        *({"name": _name(one), "time_intervals": [_time(one.hours, one.date, zone)]} for one in settings.maintenance),
    ]


def inhibitions() -> list[dict[str, Any]]:
    """Return which alerts keep others silent while they fire.

    An absence of data (`SloWithoutData`) is a source of none: it explains nothing.
    """
    same = ["alertname", names.SERVICE_LABEL, names.SLO_LABEL, names.COMPONENT_LABEL, "instance"]
    page, ticket = (_is(names.SEVERITY_LABEL, one.value) for one in (Severity.PAGE, Severity.TICKET))
    down = f'alertname=~"{_DOWN}"'
    urgent = {"source_matchers": [page], "target_matchers": [ticket], "equal": same}
    part = {
        "source_matchers": [page, down, f'{names.COMPONENT_LABEL}!=""'],
        "target_matchers": [f'alertname!~"{_DOWN}"', f'{names.COMPONENT_LABEL}!=""'],
        "equal": [names.SERVICE_LABEL, names.COMPONENT_LABEL, "instance"],
    }
    letta = [
        {
            "source_matchers": [page, down, _is(names.COMPONENT_LABEL, "letta")],
            "target_matchers": [_is("alertname", names.BURN), _is(label, value)],
        }
        for label, value in BECAUSE_OF_LETTA
    ]
    return [urgent, part, *letta]


def _branch(settings: Settings, severity: Severity, more: dict[str, Any]) -> dict[str, Any]:
    """Return the route of a severity, with a branch for each service that has a maintenance of its own."""
    matchers = [_is(names.SEVERITY_LABEL, severity.value)]
    of_all = [one for one in settings.maintenance if not one.services]
    services = sorted({name for one in settings.maintenance for name in one.services})
    times = _times(severity, of_all)
    # A branch takes over neither the silent nor the working hours of the route above it, so each says all of them.
    below = [
        {
            "receiver": severity.value,
            "matchers": [_is(names.SERVICE_LABEL, service)],
            **_times(severity, [one for one in settings.maintenance if not one.services or service in one.services]),
        }
        for service in services
    ]
    return {"receiver": severity.value, "matchers": matchers, **more, **times, **({"routes": below} if below else {})}


def _times(severity: Severity, windows: list[Maintenance]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if severity is Severity.TICKET:
        made["active_time_intervals"] = [WORKING_HOURS]
    if windows:
        made["mute_time_intervals"] = [_name(one) for one in windows]
    return made


def _name(window: Maintenance) -> str:
    return f"maintenance-{window.name}"


def _time(hours: Hours, date: str, zone: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if hours.weekdays:
        made["weekdays"] = _weekdays(hours.weekdays)
    if hours.start:
        made["times"] = [{"start_time": hours.start, "end_time": hours.end}]
    if date:
        year, month, day = (str(int(part)) for part in date.split("-"))
        made |= {"years": [year], "months": [month], "days_of_month": [day]}
    return {**made, "location": zone}


def _weekdays(days: str) -> list[str]:
    """Return ranges of days as an Alertmanager takes them, whose week begins on Sunday."""
    first, _, last = days.partition(":")
    if not last or WEEKDAYS.index(first) <= WEEKDAYS.index(last):
        return [days]
    before = "saturday" if first == "saturday" else f"{first}:saturday"
    return [before, "sunday" if last == "sunday" else f"sunday:{last}"]


def _is(label: str, value: str) -> str:
    return f'{label}="{value}"'
