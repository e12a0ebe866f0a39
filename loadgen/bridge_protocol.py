"""What do clients of a bridge send and hear? The names of source document 004, and the form of a request."""

from __future__ import annotations

import json
import time
from typing import Any, Final

REQUEST_LIST: Final = "letta_requests"
REPLY_CHANNEL: Final = "letta_responses"


def request(task_id: str, user_id: str, content: str, *, memory_type: str = "permanent", **meta: str) -> dict[str, Any]:
    """Return a request of now; `meta` is what else stands in its `meta`."""
    return {
        "task_id": task_id,
        "type": "text",
        "user_id": user_id,
        "content": content,
        "timestamp": time.time(),
        "meta": {"memory_type": memory_type, "lang": "en", **meta},
    }


def reply_in(data: Any) -> dict[str, Any] | None:
    """Return what was published as a reply, None where it is no JSON object."""
    try:
        found = json.loads(data)
    except (ValueError, TypeError):
        return None
    return found if isinstance(found, dict) else None
