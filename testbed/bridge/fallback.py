"""How does memory-python answer in the place of Letta?"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Final

import orjson
from letta_otel.conventions import attributes
from redis.asyncio.client import PubSub

from testbed.bridge import names
from testbed.bridge.breaker import Breaker
from testbed.bridge.counters import Counters
from testbed.bridge.journey import Journey
from testbed.bridge.redis_link import AWAY, RedisLink, pauses
from testbed.bridge.wire import Request

_LISTEN_TIMEOUT_S: Final = 0.3  # also the longest that the listener needs to notice its end

log = logging.getLogger("bridge.fallback")


class FallbackUnavailableError(Exception):
    """memory-python gave no answer; `reason` says why in one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Fallback:
    """Hands requests to memory-python through a list of its own and waits for its memory update.

    The request list is never used for that: what the bridge puts there it would take again itself.
    """

    def __init__(self, link: RedisLink, breaker: Breaker, counters: Counters, *, budget_s: float) -> None:
        self._link = link
        self._breaker = breaker
        self._counters = counters
        self._budget_s = budget_s
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._listening = asyncio.Event()

    async def answer(self, request: Request, journey: Journey) -> str:
        """Return memory-python's answer; raise FallbackUnavailableError when it stays away.

        The wait ends when the reply is due; a request that came too late for that still gets the fallback's budget.
        """
        permit = self._breaker.admit()
        if permit is None:
            raise FallbackUnavailableError("fallback_breaker_open")
        patience_s = max(self._budget_s, journey.reply_by - time.monotonic())
        try:
            with journey.told.fallback(journey.fallback_reason or "unknown"):
                text = await self._ask(request, journey, patience_s)
        except TimeoutError as error:
            self._breaker.failed(permit)
            raise FallbackUnavailableError("fallback_timeout") from error
        self._breaker.succeeded(permit)
        return text

    async def listen(self, ended: asyncio.Event) -> None:
        """Hear memory updates until `ended` is set; begins again whenever Redis comes back."""
        pause = pauses()
        while not ended.is_set():
            try:
                async with self._link.pubsub() as channel:
                    await channel.subscribe(names.MEMORY_UPDATES)
                    self._listening.set()
                    pause = pauses()
                    await self._hear(channel, ended)
            except AWAY as error:
                log.warning("redis is away", extra={attributes.ERROR_TYPE: type(error).__name__})
                await asyncio.sleep(next(pause))
            finally:
                self._listening.clear()

    async def _ask(self, request: Request, journey: Journey, patience_s: float) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[request.task_id] = answer
        give_up_at = time.monotonic() + patience_s
        try:
            await asyncio.wait_for(self._listening.wait(), patience_s)  # what comes before we listen would be lost
            with journey.told.send(names.FALLBACK, "lpush") as sending:
                entry = fallback_entry(request, journey.fallback_reason, sending.meta)
                sending.size(len(entry))
                await self._link.command("LPUSH", names.FALLBACK, entry)
            try:
                return await asyncio.wait_for(answer, give_up_at - time.monotonic())
            except TimeoutError:
                await self._link.command("LREM", names.FALLBACK, 1, entry)  # nobody waits for it any more
                raise
        finally:
            del self._waiting[request.task_id]

    async def _hear(self, channel: PubSub, ended: asyncio.Event) -> None:
        while not ended.is_set():
            message = await channel.get_message(timeout=_LISTEN_TIMEOUT_S)
            if message is not None:
                self._take_update(message["data"])

    def _take_update(self, data: bytes) -> None:
        try:
            update = orjson.loads(data)
        except orjson.JSONDecodeError:
            log.warning("a memory update is not JSON", extra={attributes.MESSAGING_MESSAGE_BODY_SIZE: len(data)})
            return
        if not isinstance(update, dict) or update.get("event_type") != "memory_update":
            return
        task_id, content = update.get("task_id"), update.get("content")
        waiting = self._waiting.get(task_id) if isinstance(task_id, str) else None
        if waiting is None or waiting.done():
            self._counters.late_fallbacks += 1  # or it belongs to another bridge, or to nobody's request
        elif isinstance(content, str) and content:
            waiting.set_result(content)


def fallback_entry(request: Request, reason: str | None, trace: Mapping[str, str]) -> bytes:
    """Return what memory-python takes from the list: the message in the form of its own input queue."""
    return orjson.dumps(
        {
            "task_id": request.task_id,
            "type": request.kind,
            "user_id": request.user_id,
            "content": request.content,
            "source": "letta_bridge",
            "timestamp": time.time(),
            "meta": {**request.meta, **trace, "fallback_reason": reason},
        }
    )
