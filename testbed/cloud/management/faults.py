"""How does the double fail on purpose: put off, broken, or gone after so many writes?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Faults:
    """What is still to go wrong; 0 or None is nothing.

    `throttled` and `broken` requests are answered 429 and 500 without being looked at. `gone_after` writes are done,
    and with the next one the door shuts; `is_last_done` has that one done, too, so that only its answer is lost.
    """

    throttled: int = 0
    broken: int = 0
    gone_after: int | None = None
    is_last_done: bool = False

    def set(self, body: dict[str, Any]) -> None:
        """Take new faults over; what is not named ends."""
        self.throttled = int(body.get("throttled", 0))
        self.broken = int(body.get("broken", 0))
        self.gone_after = body.get("gone_after")
        self.is_last_done = bool(body.get("is_last_done", False))

    def status(self) -> int:
        """Return with which status the next request fails, 0 when it does not."""
        if self.throttled:
            self.throttled -= 1
            return 429
        if self.broken:
            self.broken -= 1
            return 500
        return 0

    def is_gone(self) -> bool:
        """Count one write; whether the service is gone when it comes."""
        if self.gone_after is None:
            return False
        if self.gone_after > 0:
            self.gone_after -= 1
            return False
        self.gone_after = None
        return True
