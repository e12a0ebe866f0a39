"""What does a stub do to one request: how long does it work on it, and does a fault hit it?

A behaviour is data, replaced or merged while the stub runs. Draws are functions of (seed, purpose, key): with
`seed_by = "request-id"` the key is the `x-request-id` header, so the same request gets the same service time and the
same fault whichever worker sends it and in whatever order requests arrive. With `seed_by = "number"` the key is what
the load generator ends that header with, the number of the request in its schedule and its turn, so two runs of one
seed get the same times. Without that header, or with `seed_by = "arrival"`, the key is the number of the arrival.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from statistics import NormalDist
from typing import Any

ANY = "*"
SEED_BY = ("request-id", "number", "arrival")
_NORMAL = NormalDist()
_TWO_TO_64 = float(2**64)


class BehaviourError(ValueError):
    """A behaviour that cannot be: says where, what was found, what is allowed."""

    def __init__(self, where: str, found: object, allowed: str) -> None:
        super().__init__(f"{where}: found {found!r}, allowed: {allowed}")
        self.where = where
        self.found = found
        self.allowed = allowed


class FaultKind(StrEnum):
    """What can go wrong with a request on purpose."""

    STATUS = "status"  # an error of the product with this HTTP status
    HANG = "hang"  # no answer for delay_s (without: until the client gives up), then the connection is reset
    GARBAGE = "garbage"  # status 200 and a body that is not JSON
    DROP = "drop"  # the connection is reset before an answer
    TRUNCATE = "truncate"  # the answer ends in the middle, the connection closes
    SLOW = "slow"  # delay_s more of service time
    ERROR_IN_STREAM = "error_in_stream"  # status 200, and the stream carries the product's error event


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """Lognormal time with this median and sigma (of the natural logarithm); sigma 0 is a constant."""

    median_ms: float
    sigma: float = 0.0

    def at(self, uniform: float) -> float:
        """Return the quantile `uniform` (in (0, 1)) in seconds."""
        if self.sigma == 0.0:
            return self.median_ms / 1e3
        return self.median_ms / 1e3 * math.exp(self.sigma * _NORMAL.inv_cdf(uniform))


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault for a share of the requests of an operation, or for the next `remaining` of them, or both."""

    operation: str
    kind: FaultKind
    share: float = 1.0
    remaining: int | None = None
    status: int = 500
    delay_s: float | None = None

    def covers(self, operation: str) -> bool:
        """Whether requests of `operation` can be hit."""
        return self.operation in (ANY, operation)


@dataclass(frozen=True, slots=True)
class Operations:
    """What a stub can do: the names, which of them can stream, and timings that have no request of their own."""

    names: Collection[str]
    streaming: Collection[str] = ()
    timings: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """All settings of a stub that can change while it runs."""

    service_times: Mapping[str, ServiceTime]
    faults: tuple[Fault, ...] = ()
    seed: int = 1
    seed_by: str = "request-id"
    settings: Mapping[str, float] = field(default_factory=dict)

    def service_s(self, timing: str, key: str) -> float:
        """Return the service time in seconds of this timing for the request with this key."""
        time = self.service_times.get(timing) or self.service_times[ANY]
        return time.at(uniform(self.seed, timing, key)) if time.sigma else time.median_ms / 1e3

    def key(self, request_id: str, arrival: int) -> str:
        """Return what draws for this request depend on beside the seed."""
        if not request_id or self.seed_by == "arrival":
            return str(arrival)
        return request_id if self.seed_by == "request-id" else "-".join(request_id.rsplit("-", 2)[-2:])

    def fault_index(self, operation: str, key: str) -> int | None:
        """Return the position of the first fault that hits this request, or None."""
        for index, fault in enumerate(self.faults):
            if not fault.covers(operation) or fault.remaining == 0:
                continue
            if fault.share >= 1.0 or uniform(self.seed, f"fault {index}", key) < fault.share:
                return index
        return None

    def spent(self, index: int) -> Behaviour:
        """Return the behaviour after fault `index` hit once (its `remaining` counts down)."""
        fault = self.faults[index]
        if fault.remaining is None:
            return self
        faults = list(self.faults)
        faults[index] = replace(fault, remaining=fault.remaining - 1)
        return replace(self, faults=tuple(faults))

    def as_json(self) -> dict[str, Any]:
        """Return the form that `parse` reads."""
        return {
            "seed": self.seed,
            "seed_by": self.seed_by,
            "service_times": {
                name: {"median_ms": time.median_ms, "sigma": time.sigma} for name, time in self.service_times.items()
            },
            "faults": [
                {
                    part.name: getattr(fault, part.name)
                    for part in fields(fault)
                    if getattr(fault, part.name) is not None
                }
                for fault in self.faults
            ],
            "settings": dict(self.settings),
        }


def uniform(seed: int, purpose: str, key: str) -> float:
    """Return a number in (0, 1) that depends on nothing but its arguments."""
    digest = hashlib.blake2b(f"{seed}|{purpose}|{key}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 0.5) / _TWO_TO_64


def parse(body: object, *, base: Behaviour, operations: Operations) -> Behaviour:
    """Return `base` with what `body` names put in its place: times and settings one by one, faults as a list.

    Raises BehaviourError.
    """
    found = _mapping(body, "behaviour")
    _known(found, [part.name for part in fields(Behaviour)], "behaviour")
    timings = [*operations.names, *operations.timings, ANY]
    times = {
        _one_of(name, timings, "service_times"): _service_time(value, f"service_times.{name}")
        for name, value in _mapping(found.get("service_times", {}), "service_times").items()
    }
    settings = {
        _one_of(name, base.settings, "settings"): _number(value, f"settings.{name}", 0, 1e9)
        for name, value in _mapping(found.get("settings", {}), "settings").items()
    }
    # A new wildcard replaces what it covers (the operations), else the finer defaults would hide it.
    kept_times = {
        name: time for name, time in base.service_times.items() if ANY not in times or name in operations.timings
    }
    return Behaviour(
        service_times={**kept_times, **times},
        faults=_faults(found["faults"], operations) if "faults" in found else base.faults,
        seed=int(_number(found.get("seed", base.seed), "seed", 0, 2**63, whole=True)),
        seed_by=_one_of(found.get("seed_by", base.seed_by), SEED_BY, "seed_by"),
        settings={**base.settings, **settings},
    )


def parse_text(text: str, *, base: Behaviour, operations: Operations) -> Behaviour:
    """Parse a behaviour given as JSON text on a command line. Raises BehaviourError."""
    try:
        body = json.loads(text)
    except ValueError as error:
        raise BehaviourError("behaviour", text[:80], f"a JSON object ({error})") from error
    return parse(body, base=base, operations=operations)


def _faults(value: object, operations: Operations) -> tuple[Fault, ...]:
    if not isinstance(value, list):
        raise BehaviourError("faults", value, "a list of faults")
    return tuple(_fault(item, f"faults[{index}]", operations) for index, item in enumerate(value))


def _fault(value: object, where: str, operations: Operations) -> Fault:
    found = _mapping(value, where)
    _known(found, [part.name for part in fields(Fault)], where)
    kind = FaultKind(_one_of(found.get("kind"), [kind.value for kind in FaultKind], f"{where}.kind"))
    operation = _one_of(found.get("operation", ANY), [*operations.names, ANY], f"{where}.operation")
    if kind is FaultKind.ERROR_IN_STREAM:
        operation = _one_of(operation, [*operations.streaming], f"{where}.operation (of a fault in a stream)")
    if kind is FaultKind.SLOW and found.get("delay_s") is None:
        raise BehaviourError(f"{where}.delay_s", None, "seconds, for a slow request")
    if "share" not in found and "remaining" not in found:
        raise BehaviourError(where, found, "share (0 to 1), or remaining (the next so many requests), or both")
    delay = found.get("delay_s")
    remaining = found.get("remaining")
    return Fault(
        operation=operation,
        kind=kind,
        share=_number(found.get("share", 1.0), f"{where}.share", 0, 1),
        remaining=None if remaining is None else int(_number(remaining, f"{where}.remaining", 0, 10**9, whole=True)),
        status=int(_number(found.get("status", 500), f"{where}.status", 400, 599, whole=True)),
        delay_s=None if delay is None else _number(delay, f"{where}.delay_s", 0, 3600),
    )


def _service_time(value: object, where: str) -> ServiceTime:
    if isinstance(value, int | float):
        return ServiceTime(_number(value, where, 0, 3.6e6))
    found = _mapping(value, where)
    _known(found, ["median_ms", "sigma", "constant_ms"], where)
    if "constant_ms" in found:
        if len(found) > 1:
            raise BehaviourError(where, found, "constant_ms alone, or median_ms with sigma")
        return ServiceTime(_number(found["constant_ms"], f"{where}.constant_ms", 0, 3.6e6))
    return ServiceTime(
        _number(found.get("median_ms"), f"{where}.median_ms", 0, 3.6e6),
        _number(found.get("sigma", 0.0), f"{where}.sigma", 0, 5),
    )


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BehaviourError(where, value, "an object")
    return value


def _known(found: Mapping[str, Any], names: Collection[str], where: str) -> None:
    for name in found:
        if name not in names:
            raise BehaviourError(f"{where}.{name}", found[name], "only " + ", ".join(names))


def _one_of(value: object, names: Collection[str], where: str) -> str:
    if not isinstance(value, str) or value not in names:
        raise BehaviourError(where, value, ", ".join(names) or "nothing here")
    return value


def _number(value: object, where: str, low: float, high: float, *, whole: bool = False) -> float:
    is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:  # type: ignore[operator]  # is_number narrows what mypy cannot follow
        raise BehaviourError(where, value, f"a {'whole ' if whole else ''}number from {low:g} to {high:g}")
    return value  # type: ignore[return-value]  # as above
