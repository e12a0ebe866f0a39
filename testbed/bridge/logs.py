"""How does the bridge write its log? As JSON lines on standard error, never with the content of a message."""

from __future__ import annotations

import logging
import sys

from letta_otel.logs import JsonLines


def set_up() -> None:
    """Send all logs of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
