"""Does an event that reaches AOM become an alarm there, and is somebody told? One event, and what becomes of it.

Source: Huawei Cloud, AOM API reference, PushEvents, ListEvents, ListNotifiedHistories. Whether an event from outside is
notified of depends on the account's rules for events, which are not ours: that nobody was told is said, and no fault.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from alerts.aom.alarms import OWNER_TAG
from alerts.aom.calls import Cloud
from alerts.aom.deployment import Deployment

_EVERY_S: Final = 2.0
_NAME_KEY: Final = "event_name"


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of the test event."""

    name: str
    has_arrived: bool
    said: str


def try_it(
    cloud: Cloud,
    deployment: Deployment,
    *,
    wait_s: float,
    now_s: Callable[[], float] = time.time,
) -> Trial:
    """Push one event of the lowest severity, look for it for `wait_s` seconds, and clear it; raises CallError."""
    name = f"{deployment.prefix}_test_{secrets.token_hex(4)}"
    metadata = {
        _NAME_KEY: name,
        "event_severity": "Info",
        "event_type": "alarm",
        "resource_provider": "letta_slo",
        "resource_type": "test",
        "resource_id": name,
        OWNER_TAG: deployment.prefix,
    }
    begun_s = now_s()
    event = {"starts_at": round(begun_s * 1000), "metadata": metadata, "annotations": {"message": "a test, no fault"}}
    cloud.ask("aom", "push_events", body={"events": [event]})
    try:
        found = _seen(cloud, name, until_s=begun_s + wait_s, now_s=now_s)
        said = "did not arrive in time; --wait gives it longer" if found is None else _told(cloud, found)
    finally:
        over = {"ends_at": round(now_s() * 1000), "metadata": metadata}
        cloud.ask("aom", "push_events", action="clear", body={"events": [over]})
    return Trial(name, found is not None, said)


def _seen(cloud: Cloud, name: str, *, until_s: float, now_s: Callable[[], float]) -> dict[str, Any] | None:
    query = {
        "time_range": "-1.-1.60",
        "metadata_relation": [{"key": _NAME_KEY, "value": [name], "relation": "AND"}],
    }
    while True:
        answer = cloud.ask("aom", "list_events", type="active_alert", body=query) or {}
        for one in answer.get("events") or []:
            if (one.get("metadata") or {}).get(_NAME_KEY) == name:
                return dict(one)
        if now_s() >= until_s:
            return None
        cloud.pause(_EVERY_S)


def _told(cloud: Cloud, event: dict[str, Any]) -> str:
    number = str(event.get("event_sn") or "")
    answer = cloud.ask("aom", "list_notified_histories", event_sn=number) or {}
    told = sorted(
        {
            str(each.get("action_rule") or "")
            for one in answer.get("notified_histories") or []
            for each in one.get("notifications") or []
        }
    )
    if not told:
        return "arrived; nobody was told of it, which needs an event rule in AOM that is bound to an action rule"
    return f"arrived; told by the action rule {', '.join(told)}"
