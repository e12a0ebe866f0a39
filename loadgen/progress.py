"""What does a worker tell while it runs? A JSON line a second on the pipe that the command line gave it.

A worker on another machine has no pipe to the command line: it tells the master, which has.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

FD_VARIABLE = "LETTA_SLO_PROGRESS_FD"


class Progress:
    """Writes to the pipe named by the environment; without one it tells `otherwise`, where that is given."""

    def __init__(self, otherwise: Callable[[dict[str, Any]], None] | None = None) -> None:
        name = os.environ.get(FD_VARIABLE)
        self._fd = int(name) if name else None
        self._otherwise = None if name else otherwise

    def say(self, **facts: Any) -> None:
        """Write one line; a reader that went away ends the telling, not the run."""
        if self._otherwise is not None:
            self._otherwise(facts)
        if self._fd is None:
            return
        try:
            os.write(self._fd, json.dumps(facts, separators=(",", ":")).encode() + b"\n")
        except BrokenPipeError:
            self._fd = None
