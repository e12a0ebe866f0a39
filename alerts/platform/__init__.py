"""Alarms that are no objective, as data: YAML files beside this one, one a component, each number with its reason."""

from __future__ import annotations

from pathlib import Path

from alerts.errors import RuleError
from alerts.platform.alarms import Alarm
from alerts.platform.reading import parse

__all__ = ["Alarm", "load", "parse"]

_HERE = Path(__file__).parent


def load(folder: Path | None = None) -> tuple[Alarm, ...]:
    """Return the alarms of a folder's `*.yaml` files, the shipped ones when none is given.

    Raises RuleError with every fault and its line, and when there is no file or a name stands twice.
    """
    place = folder or _HERE
    files = sorted(place.glob("*.yaml"))
    if not files:
        raise RuleError(f"{place}: there is no file *.yaml with alarms in it")
    named = [(f"alerts/platform/{one.name}" if folder is None else str(one), one) for one in files]
    every = [alarm for name, one in named for alarm in parse(_text(one), name)]
    seen: dict[str, Alarm] = {}
    for alarm in every:
        if alarm.name in seen:
            raise RuleError(f"{alarm.origin}: there is an alarm {alarm.name!r} already, at {seen[alarm.name].origin}")
        seen[alarm.name] = alarm
    return tuple(every)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{file}: cannot be read: {error}") from error
