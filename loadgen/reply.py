"""What came back of one request, whichever way it went?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from loadgen.samples import Outcome
from loadgen.streams import StreamShape


@dataclass(slots=True)
class Reply:
    """What came back of one request.

    `first_ns` and `end_ns` are CLOCK_MONOTONIC; 0 where there was no first token, or where the end is the return.
    """

    outcome: Outcome
    status: int = 0
    body: Any = None
    response_bytes: int = 0
    first_ns: int = 0
    end_ns: int = 0
    tokens: int = 0
    source: str = ""
    stream: StreamShape | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def judged(self, fault_in: Callable[[Any], str]) -> Self:
        """Make a good reply an error when `fault_in` says what is wrong with its body; return this reply."""
        if self.outcome == Outcome.OK and (fault := fault_in(self.body)):
            self.outcome, self.detail["error"] = Outcome.ERROR, fault
        return self
