"""How are ids and dates written by Letta 0.16.4?"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import uuid4


def new_id(kind: str) -> str:
    """Return an id such as `agent-<uuid4>`."""
    return f"{kind}-{uuid4()}"


def otid_of(message_id: str, index: int = 0) -> str:
    """Return the client-side id of part `index` of a message: its uuid, the low 7 bits of the last byte replaced.

    Read off the captured answers, e.g. message-…b0c2 has otid …b080 for its first part.
    """
    uuid = message_id.partition("-")[2]
    return f"{uuid[:-2]}{(int(uuid[-2:], 16) & 0x80) | index:02x}"


def stamp(at_s: float | None = None) -> str:
    """Return a creation time as agents, blocks and runs carry it (UTC, microseconds, `Z`)."""
    return datetime.fromtimestamp(time.time() if at_s is None else at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def message_date() -> str:
    """Return a date as messages carry it (UTC, whole seconds, an offset)."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
