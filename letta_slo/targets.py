"""What is to be verified? The embedded testbed, a real Letta started here, or the user's own servers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from letta_slo.telemetry import Telemetry
from loadgen import guard
from loadgen.plan import DEFAULT_EMBEDDING, DEFAULT_MODEL, REDIS_VARIABLE
from loadgen.target import Found, check_letta, check_redis
from testbed.embedded import EmbeddedTestbed
from testbed.process import python_part, start
from testbed.real_letta.server import RealLetta

Kind = Literal["stub", "letta", "own"]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Targets:
    """Addresses to drive, what they are, and how to break them; an absent service has no address."""

    kind: Kind
    letta_url: str | None
    redis_url: str | None
    doubles: frozenset[str] = frozenset()  # services that are test doubles, or have one behind them
    take_letta_down: Callable[[float], None] | None = None
    versions: dict[str, str] = field(default_factory=dict)
    model: str = DEFAULT_MODEL
    embedding: str = DEFAULT_EMBEDDING
    telemetry: Telemetry | None = None

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return service → kind, address without credentials, and version, for the manifest."""
        described = {}
        if self.letta_url:
            described["letta-api"] = {
                "kind": "stub" if "letta-api" in self.doubles else self.kind,
                "address": guard.redact(self.letta_url),
                "version": self.versions.get("letta", ""),
            }
        if self.redis_url:
            described["letta-bridge"] = {
                "kind": "stub" if "letta-bridge" in self.doubles else "own",
                "address": guard.redact(self.redis_url),
                "version": self.versions.get("redis", ""),
            }
        return described


@contextmanager
def embedded(
    log_dir: Path,
    tag: str,
    behaviour: dict[str, Any] | None,
    say: Say,
    *,
    with_bridge: bool = True,
    telemetry: Telemetry | None = None,
) -> Iterator[Targets]:
    """Start the embedded testbed: the bridge is the reference bridge, but behind it stands a stub."""
    with EmbeddedTestbed(
        log_dir,
        behaviour=behaviour,
        agent_tag=tag,
        bridges=int(with_bridge),
        bridge_variables=telemetry.of_bridge if telemetry else None,
        say=lambda part: say(f"starting {part}"),
    ) as bed:
        redis_url = bed.redis.url if with_bridge else None
        letta, bridge = check_letta(bed.letta_url), check_redis(redis_url) if redis_url else None
        versions = {"letta": letta.version} | ({"redis": bridge.version} if bridge else {})
        yield Targets(
            "stub",
            bed.letta_url,
            redis_url,
            _doubles(letta, bridge),
            bed.take_letta_down,
            versions,
            telemetry=telemetry,
        )


@contextmanager
def real_letta(log_dir: Path, say: Say, telemetry: Telemetry | None = None) -> Iterator[Targets]:
    """Start a real Letta with its PostgreSQL; the model behind it is a stub, and there is no bridge.

    With telemetry the add-on is loaded into it.
    """
    settings = telemetry.of_letta if telemetry else None
    llm = start("llm-stub", python_part("testbed.llm_stub", "--port", "0", "--control-port", "0"), log_dir=log_dir)
    with llm, RealLetta(str(llm.announced["url"]), log_dir=log_dir, progress=say, settings=settings) as letta:
        # Whoever reads a report must see that the model's time and answers are not a model's.
        versions = {**letta.versions, "letta": f"{letta.versions['letta']} (its model is a STUB)"}
        yield Targets("letta", letta.url, None, versions=versions, model=letta.models[0], telemetry=telemetry)


@contextmanager
def own(letta_url: str | None, redis_url: str | None, model: str, embedding: str) -> Iterator[Targets]:
    """Check that the user's servers are there; raises TargetError."""
    letta = check_letta(letta_url) if letta_url else None
    bridge = check_redis(redis_url) if redis_url else None
    versions = {name: one.version for name, one in (("letta", letta), ("redis", bridge)) if one}
    yield Targets(
        "own", letta_url, redis_url, _doubles(letta, bridge), versions=versions, model=model, embedding=embedding
    )


def _doubles(letta: Found | None, bridge: Found | None) -> frozenset[str]:
    found = {"letta-api": letta, "letta-bridge": bridge}
    return frozenset(service for service, one in found.items() if one and one.is_double)


def redis_url_of(option: str | None) -> str | None:
    """Return the address of Redis from the option, which may hold no password, or from the environment.

    Raises GuardError.
    """
    if option:
        guard.check_no_credentials(option, "--redis-url", REDIS_VARIABLE)
        return option
    url = os.environ.get(REDIS_VARIABLE)
    if not url:
        return None
    guard.checked(url, REDIS_VARIABLE, guard.REDIS_SCHEMES)
    return url
