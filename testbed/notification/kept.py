"""What did the stand-ins take? Each message with its channel, in the order of arrival."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Kept:
    """Messages, and how often each channel refused one."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    _times: dict[str, deque[float]] = field(default_factory=dict)

    def take(self, channel: str, text: str, **more: str) -> None:
        """Keep a message."""
        self.messages.append({"channel": channel, "text": text, "at_s": time.time(), **more})

    def refuse(self, channel: str) -> None:
        """Count a refusal."""
        self.refused[channel] = self.refused.get(channel, 0) + 1

    def is_too_fast(self, channel: str, most: float, window_s: float) -> bool:
        """Whether a message that comes now is more than `most` within `window_s`; counts it when it is not."""
        now_s = time.monotonic()
        times = self._times.setdefault(channel, deque())
        while times and times[0] <= now_s - window_s:
            times.popleft()
        if len(times) >= most:
            return True
        times.append(now_s)
        return False

    def as_json(self) -> dict[str, Any]:
        """Return it for the control port."""
        return {"messages": self.messages, "refused": self.refused}

    def clear(self) -> None:
        """Forget everything, but how fast messages came."""
        self.messages.clear()
        self.refused.clear()
