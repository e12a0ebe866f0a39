"""What is one load run told to do? The run plan: a value that the command line writes and every worker reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from loadgen.agent_shape import AgentShape

# The address of Redis may hold a password, so it travels by this environment variable and stands in no file.
REDIS_VARIABLE = "LETTA_SLO_REDIS_URL"

# Handles as a Letta 0.16.4 names them whose OPENAI_BASE_URL is not OpenAI's own (measured, see testbed/real_letta).
DEFAULT_MODEL = "openai-proxy/gpt-4o-mini"
DEFAULT_EMBEDDING = "openai/text-embedding-3-small"

Arrivals = Literal["poisson", "constant"]


@dataclass(frozen=True, slots=True)
class Phases:
    """Lengths in seconds of the parts of a run; a length of 0 leaves the part out.

    The order is warm-up, steady, settle, drill, recovery. Warm-up and settle are judged by nobody: what is in flight
    when the drill begins was due before it, and must not count against the steady state.
    """

    warmup_s: float
    steady_s: float
    drill_s: float = 0.0
    recovery_s: float = 0.0
    settle_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse negative lengths and a run without a steady state."""
        if min(self.warmup_s, self.settle_s, self.drill_s, self.recovery_s) < 0 or self.steady_s <= 0:
            raise ValueError(f"phase lengths must not be negative and steady_s must be positive, found {self}")

    def without_drill(self) -> Self:
        """Return the same phases up to the end of the steady state."""
        return replace(self, settle_s=0.0, drill_s=0.0, recovery_s=0.0)

    @property
    def duration_s(self) -> float:
        """Seconds from the first to the last possible arrival."""
        return self.warmup_s + self.steady_s + self.settle_s + self.drill_s + self.recovery_s

    @property
    def bounds_s(self) -> dict[str, tuple[float, float]]:
        """Phase name → [start, end) in seconds from the origin of the run, empty phases left out."""
        bounds, start = {}, 0.0
        for name in ("warmup", "steady", "settle", "drill", "recovery"):
            end = start + float(getattr(self, f"{name}_s"))
            if end > start:
                bounds[name] = (start, end)
            start = end
        return bounds

    def phase_at(self, offset_s: float) -> str:
        """Return the phase in which an arrival at this offset is judged ("drain" after the last)."""
        return next((name for name, (start, end) in self.bounds_s.items() if start <= offset_s < end), "drain")


@dataclass(frozen=True, slots=True)
class Sessions:
    """How a conversation goes: its number of turns, and the pause between an answer and the next turn."""

    turns: int = 3
    think_time_s: float = 2.0

    def __post_init__(self) -> None:
        """Refuse sessions without a turn."""
        if self.turns < 1 or self.think_time_s < 0:
            raise ValueError(f"a session has at least one turn and no negative think time, found {self}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds in time and number that keep a run finite, whatever the target does."""

    request_timeout_s: float = 30.0
    reply_timeout_s: float = 10.0
    drain_s: float = 32.0
    max_in_flight: int = 10_000


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Everything that decides what a run sends, and when; credentials are not in it.

    `rates` gives requests a second for each operation, over all workers; `agents` are the ids prepared on the target,
    `shape` is what each of them carried then, `fleet` their tag when they were there before the run and stay; `users`
    is how many user ids the bridge sees, `met_as` the tag under which it has met them before. Where two runs take
    turns, `windows_s` are this run's turns as [start, end) from the origin, in order, with none it always sends, and
    `origin_unix_ns` is the origin that both share. `traced` has each request bring a `traceparent` of its own.
    """

    run_id: str
    folder: str
    seed: int
    rates: dict[str, float]
    phases: Phases
    letta_url: str | None = None
    redis_url_env: str | None = None
    agents: tuple[str, ...] = ()
    users: int = 100
    arrivals: Arrivals = "poisson"
    sessions: Sessions = field(default_factory=Sessions)
    limits: Limits = field(default_factory=Limits)
    model: str = DEFAULT_MODEL
    embedding: str = DEFAULT_EMBEDDING
    user_tokens: int = 100
    shape: AgentShape = field(default_factory=AgentShape)
    fleet: str = ""
    met_as: str = ""
    windows_s: tuple[tuple[float, float], ...] = ()
    origin_unix_ns: int | None = None
    traced: bool = False

    @property
    def tag(self) -> str:
        """The tag that everything this run creates on a target carries."""
        return f"letta-slo-run-{self.run_id}"

    @property
    def user_ids(self) -> tuple[str, ...]:
        """The users that the bridge sees."""
        return tuple(f"{self.met_as or self.tag}-user-{number}" for number in range(self.users))

    def write(self, path: Path) -> None:
        """Write the plan as JSON."""
        path.write_text(json.dumps(self.to_dict(), indent=1) + "\n")

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as a JSON object."""
        return asdict(self)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a plan that `write` wrote."""
        return cls.from_dict(json.loads(path.read_text()))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Build a plan from its JSON object."""
        nested = {"phases": Phases, "sessions": Sessions, "limits": Limits, "shape": AgentShape}
        values = {key: nested[key](**value) if key in nested else value for key, value in data.items()}
        windows_s = tuple((float(start), float(end)) for start, end in data.get("windows_s", ()))
        return cls(**{**values, "agents": tuple(data.get("agents", ())), "windows_s": windows_s})
