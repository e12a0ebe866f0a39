"""Which load is a tier? Data files, one a tier, each number with its reason beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loadgen.agent_shape import AgentShape
from loadgen.plan import Sessions
from loadgen.samples import BRIDGE_OPERATIONS, OPERATIONS
from loadgen.tiers.fields import Fields, TierError

__all__ = ["Tier", "TierError", "load", "names", "parse"]

_HERE = Path(__file__).parent
_OF_LETTA = tuple(sorted(set(OPERATIONS) - BRIDGE_OPERATIONS))


@dataclass(frozen=True, slots=True)
class Tier:
    """A load: requests a second to Letta and to the bridge each, and who sends them.

    `concurrent_sessions` is how many sessions with Letta are in progress at a time when every message takes as long as
    its objective allows; `system_tokens` are those of a prompt that are neither the user's nor in `shape`.
    """

    name: str
    rate: float
    duration_s: float
    agents: int
    users: int
    concurrent_sessions: float
    sessions: Sessions
    shape: AgentShape
    user_tokens: int
    system_tokens: int
    tokens_out: int
    temporary_share: float
    mix: dict[str, float]

    @property
    def tokens_in(self) -> int:
        """Tokens that a message costs before the answer: the agent's own prompt and memory, and what the user says."""
        return self.system_tokens + self.shape.core_tokens + self.shape.history_tokens + self.user_tokens

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
    return parse(name, file.read_text(encoding="utf-8"), f"loadgen/tiers/{file.name}")


def parse(name: str, text: str, path: str) -> Tier:
    """Read a tier from YAML; raises TierError with every key that is missing, unknown or wrong, and its line."""
    fields = Fields.read(text, path)
    mix = fields.shares("mix", _OF_LETTA)
    sessions, history, bridge = fields.within("sessions"), fields.within("history"), fields.within("bridge")
    values = {
        "rate": fields.positive("rate"),
        "duration_s": fields.positive("duration_s"),
        "agents": fields.count("agents", least=1),
        "users": fields.count("users", least=1),
        "concurrent_sessions": fields.positive("concurrent_sessions"),
        "user_tokens": fields.count("user_tokens", least=1),
        "system_tokens": fields.count("system_tokens"),
        "core_tokens": fields.count("core_tokens"),
        "tokens_out": fields.count("tokens_out", least=1),
        "turns": sessions.count("turns", least=1),
        "think_time_s": sessions.not_negative("think_time_s"),
        "messages": history.count("messages", least=1),
        "tokens": history.count("tokens", least=1),
        "temporary_share": bridge.share("temporary_share"),
    }
    fields.finish()
    return Tier(
        name=name,
        rate=values["rate"],
        duration_s=values["duration_s"],
        agents=int(values["agents"]),
        users=int(values["users"]),
        concurrent_sessions=values["concurrent_sessions"],
        sessions=Sessions(int(values["turns"]), values["think_time_s"]),
        shape=AgentShape(int(values["core_tokens"]), int(values["messages"]), int(values["tokens"])),
        user_tokens=int(values["user_tokens"]),
        system_tokens=int(values["system_tokens"]),
        tokens_out=int(values["tokens_out"]),
        temporary_share=values["temporary_share"],
        mix=mix,
    )
