"""What does memory-python keep in Redis, and what does it publish about it?"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from redis.asyncio import Redis

UPDATES: Final = "memory_updates"
GLOBAL_CONTEXT: Final = "memory:global_context"
_SESSION_LENGTH: Final = 100
_SESSION_TTL_S: Final = 86_400
_GLOBAL_LENGTH: Final = 1000


def user_session(user_id: str) -> str:
    """List of the last messages of a user, newest first."""
    return f"memory:user_sessions:{user_id}"


async def remember(redis: Redis, message: dict[str, Any], content: str) -> int:
    """Store one message and publish its memory update with `content`; return how many are stored of the user."""
    stored = orjson.dumps(
        {
            "task_id": message["task_id"],
            "content": message["content"],
            "source": message.get("source", "user"),
            "timestamp": time.time(),
        }
    )
    session = user_session(message["user_id"])
    async with redis.pipeline(transaction=True) as pipe:
        pipe.lpush(session, stored)
        pipe.ltrim(session, 0, _SESSION_LENGTH - 1)
        pipe.expire(session, _SESSION_TTL_S)
        pipe.lpush(GLOBAL_CONTEXT, stored)
        pipe.ltrim(GLOBAL_CONTEXT, 0, _GLOBAL_LENGTH - 1)
        pipe.publish(UPDATES, update(message, content))
        results = await pipe.execute()
    return min(int(results[0]), _SESSION_LENGTH)


def update(message: dict[str, Any], content: str) -> bytes:
    """Return the memory update of a message, field by field as the real service publishes it."""
    return orjson.dumps(
        {
            "event_type": "memory_update",
            "user_id": message["user_id"],
            "message_id": f"{message['user_id']}_{time.time_ns() // 1_000_000}",
            "source": message.get("source", "user"),
            "content": content,
            "require_ai_response": True,
            "timestamp": datetime.now(UTC).isoformat(),
            "task_id": message["task_id"],
        }
    )
