"""How does the stand-in behave: how fast, and does it answer at all?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any


class Mode(StrEnum):
    """Normal: answers. Hang: takes messages and never answers. Absent: takes nothing, as if it were not running."""

    NORMAL = "normal"
    HANG = "hang"
    ABSENT = "absent"


class BehaviourError(Exception):
    """A behaviour was asked for that the stand-in does not have."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The default of 5 ms is a few Redis commands and a little Python; nothing in the source documents says more."""

    mode: Mode = Mode.NORMAL
    service_time_ms: float = 5.0

    def changed(self, wanted: Any) -> Behaviour:
        """Return this behaviour with the fields of a JSON object replaced; raises BehaviourError."""
        if not isinstance(wanted, Mapping):
            raise BehaviourError("the body: allowed is an object")
        unknown = sorted(set(wanted) - set(asdict(self)))
        if unknown:
            raise BehaviourError(f"{unknown[0]}: allowed keys are {', '.join(asdict(self))}")
        mode = wanted.get("mode", self.mode)
        if mode not in tuple(Mode):
            raise BehaviourError(f"mode: found {mode!r}, allowed is one of {', '.join(Mode)}")
        service_time_ms = wanted.get("service_time_ms", self.service_time_ms)
        if isinstance(service_time_ms, bool) or not isinstance(service_time_ms, int | float) or service_time_ms < 0:
            raise BehaviourError(f"service_time_ms: found {service_time_ms!r}, allowed is a number from 0")
        return replace(self, mode=Mode(mode), service_time_ms=float(service_time_ms))
