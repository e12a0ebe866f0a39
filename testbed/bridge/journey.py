"""Where did the time of one request go, and what was tried for it?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from letta_otel.bridge import RequestTelemetry, Stage

STAGES: tuple[Stage, ...] = ("agent_wait", "agent_lookup", "letta_call", "retry_wait", "fallback")


@dataclass(slots=True)
class Journey:
    """The way of one request through the bridge; times of the monotonic clock in seconds.

    `queue_wait_s` is None when the request's own timestamp says nothing. `reply_by` is when its reply is due, and
    `letta_until` when Letta is no longer asked. `told` is its trace, which measures its stages.
    """

    told: RequestTelemetry
    picked_up_at: float
    queue_wait_s: float | None
    letta_until: float
    reply_by: float
    redelivered: bool = False
    attempts: int = 0
    agent_id: str | None = None
    fallback_reason: str | None = None
    is_counted: bool = False

    @property
    def letta_left_s(self) -> float:
        """Seconds in which Letta may still be asked; negative when that time is over."""
        return self.letta_until - time.monotonic()

    @property
    def total_s(self) -> float:
        """Seconds since the request was made, as far as its timestamp is known, else since it was taken."""
        return time.monotonic() - self.picked_up_at + (self.queue_wait_s or 0.0)

    def meta(self) -> dict[str, Any]:
        """Return what a reply says about its journey; milliseconds from the request's timestamp where that is known."""
        stages = {name: _ms(self.told.spent_s.get(name, 0.0)) for name in STAGES}
        queue_wait_ms = None if self.queue_wait_s is None else _ms(self.queue_wait_s)
        meta: dict[str, Any] = {
            "stages_ms": {"queue_wait": queue_wait_ms, **stages, "total": _ms(self.total_s)},
            "attempts": self.attempts,
            "redelivered": self.redelivered,
        }
        if self.agent_id is not None:
            meta["agent_id"] = self.agent_id
        if self.fallback_reason is not None:
            meta["fallback_reason"] = self.fallback_reason
        return meta


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
