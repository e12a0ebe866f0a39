"""Which load is a tier? Data files, one a tier, each number with its reason beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadgen.plan import Sessions
from loadgen.samples import OPERATIONS

_HERE = Path(__file__).parent


class TierError(Exception):
    """A tier does not exist, or its file says something that a tier cannot be."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A load: requests a second to Letta and to the bridge each, and who sends them."""

    name: str
    rate: float
    duration_s: float
    agents: int
    users: int
    sessions: Sessions
    user_tokens: int
    tokens_in: int
    tokens_out: int
    temporary_share: float
    mix: dict[str, float]

    def letta_rates(self, rate: float) -> dict[str, float]:
        """Split `rate` requests a second to Letta by the mix."""
        return {operation: rate * share for operation, share in self.mix.items()}

    def bridge_rates(self, rate: float) -> dict[str, float]:
        """Split `rate` requests a second to the bridge by what memory they ask for."""
        temporary = rate * self.temporary_share
        return {"bridge": rate - temporary, "bridge-temporary": temporary}


def names() -> tuple[str, ...]:
    """Return the names of the tiers there are."""
    return tuple(sorted(file.stem for file in _HERE.glob("*.yaml")))


def load(name: str) -> Tier:
    """Read a tier by name; raises TierError."""
    file = _HERE / f"{name}.yaml"
    if not file.is_file():
        raise TierError(f"there is no tier {name!r}; there are: {', '.join(names())}")
    data: dict[str, Any] = yaml.safe_load(file.read_text())
    mix = {str(key): float(value) for key, value in data["mix"].items()}
    if unknown := set(mix) - set(OPERATIONS):
        raise TierError(f"{file.name}: mix names {sorted(unknown)}, known are {sorted(OPERATIONS)}")
    if abs(sum(mix.values()) - 1) > 1e-9:
        raise TierError(f"{file.name}: the shares of mix add up to {sum(mix.values()):g}, they must make 1")
    return Tier(
        name=name,
        rate=float(data["rate"]),
        duration_s=float(data["duration_s"]),
        agents=int(data["agents"]),
        users=int(data["users"]),
        sessions=Sessions(**data["sessions"]),
        user_tokens=int(data["user_tokens"]),
        tokens_in=int(data["tokens_in"]),
        tokens_out=int(data["tokens_out"]),
        temporary_share=float(data["bridge"]["temporary_share"]),
        mix=mix,
    )
