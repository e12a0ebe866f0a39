"""How does the stand-in take messages and answer them?"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any, Final

import orjson
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from testbed.memory_python.behaviour import Behaviour, Mode
from testbed.memory_python.memory import remember

FALLBACK: Final = "letta_bridge:fallback"
USER_INPUT: Final = "user_input_queue"
_TAKE_TIMEOUT_S: Final = 0.2  # also the longest that a change of behaviour needs to take effect
_MOST_AT_WORK: Final = 500
_PAUSE_S: Final = 0.2

log = logging.getLogger("memory_python")


class StandIn:
    """Takes messages as the real service does: a message that was taken is lost when the process dies."""

    def __init__(self, redis: Redis, *, lists: tuple[str, ...]) -> None:
        self._redis = redis
        self._lists = lists
        self._at_work: set[asyncio.Task[None]] = set()
        self.behaviour = Behaviour()
        self.counts: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Take and answer messages until `stop` is set, then finish those at work."""
        while not stop.is_set():
            if self.behaviour.mode is Mode.ABSENT or len(self._at_work) >= _MOST_AT_WORK:
                await asyncio.sleep(_TAKE_TIMEOUT_S)
                continue
            try:
                taken: Any = await self._redis.brpop(list(self._lists), timeout=_TAKE_TIMEOUT_S)
            except (RedisConnectionError, RedisTimeoutError) as error:
                log.warning("redis is away: %s", type(error).__name__)
                await asyncio.sleep(_PAUSE_S)
                continue
            if taken is not None:
                self._begin(taken[0].decode(), taken[1])
        await asyncio.gather(*self._at_work, return_exceptions=True)

    def _begin(self, source_list: str, raw: bytes) -> None:
        self.counts["taken"] += 1
        if self.behaviour.mode is Mode.HANG:
            self.counts["left_unanswered"] += 1
            return
        message = _read(raw)
        if message is None:
            self.counts["refused"] += 1
            return
        task = asyncio.create_task(self._answer(source_list, message))
        self._at_work.add(task)
        task.add_done_callback(self._finish)

    async def _answer(self, source_list: str, message: dict[str, Any]) -> None:
        await asyncio.sleep(self.behaviour.service_time_ms / 1000)
        content = message["content"] if source_list == USER_INPUT else _stand_in_text(message)
        await remember(self._redis, message, content)
        self.counts["published"] += 1

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.counts["failed"] += 1
            log.error("a message could not be stored: %s", type(error).__name__)


def _read(raw: bytes) -> dict[str, Any] | None:
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    needed = ("task_id", "user_id", "content")
    is_message = isinstance(message, dict) and all(isinstance(message.get(key), str) for key in needed)
    return message if is_message else None


def _stand_in_text(message: dict[str, Any]) -> str:
    return f"(memory-python stand-in) noted {len(message['content'])} characters"
