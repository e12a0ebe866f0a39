"""What is one exchange with a Letta server: the request as data, and the reply as it was recorded?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What the double of the model server does to calls while one exchange goes on."""

    kind: str  # as in testbed.stub.behaviour.FaultKind
    operation: Literal["chat", "embeddings"] = "chat"
    status: int = 500
    delay_s: float | None = None

    def as_json(self) -> Json:
        """Return the form that the control port of the double takes."""
        found: Json = {"operation": self.operation, "kind": self.kind, "status": self.status, "share": 1.0}
        return found if self.delay_s is None else {**found, "delay_s": self.delay_s}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request; `{name}` in path, query and body stands for what earlier replies gave, or for `given`."""

    name: str
    method: str
    path: str
    query: str = ""
    body: Any = None
    raw_body: bytes | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, str] = field(
        default_factory=dict
    )  # name → path in the reply, such as "messages.0.run_id", for later exchanges
    fault: Fault | None = None
    is_scripted: bool = False  # the model must do as told, which only the double of a model server does
    overlaps: bool = False  # sent a second time while the first is being answered; the second is what is recorded
    until: tuple[str, str] | None = None  # path in the reply and the value to ask again for, a few seconds long
    needs_redis: bool = False

    @property
    def endpoint(self) -> str:
        """Method and path template, as in the OpenAPI document of the server."""
        return f"{self.method} {self.path}"

    @property
    def needs_model_double(self) -> bool:
        """Whether it can be sent only where the model behind Letta is the suite's double."""
        return self.fault is not None or self.is_scripted or self.overlaps


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event: its `event:` line, if it has one, and its data, as JSON where it is JSON."""

    name: str
    data: Any


@dataclass(frozen=True, slots=True)
class Recorded:
    """A reply as it came; `events` are those of a stream, `body` is that of anything else (JSON, or text)."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = None
    events: tuple[Event, ...] | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """The replies of one server by the names of the exchanges, and the words that are its own.

    `own_words` maps texts that another server has other ones for (its address, its models) to what stands for them.
    """

    replies: Mapping[str, Recorded]
    own_words: Mapping[str, str] = field(default_factory=dict)
