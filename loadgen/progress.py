"""What does a worker tell while it runs? A JSON line a second on the pipe that the command line gave it."""

from __future__ import annotations

import json
import os
from typing import Any

FD_VARIABLE = "LETTA_SLO_PROGRESS_FD"


class Progress:
    """Writes to the pipe named by the environment, or nowhere."""

    def __init__(self) -> None:
        name = os.environ.get(FD_VARIABLE)
        self._fd = int(name) if name else None

    def say(self, **facts: Any) -> None:
        """Write one line; a reader that went away ends the telling, not the run."""
        if self._fd is None:
            return
        try:
            os.write(self._fd, json.dumps(facts, separators=(",", ":")).encode() + b"\n")
        except BrokenPipeError:
            self._fd = None
