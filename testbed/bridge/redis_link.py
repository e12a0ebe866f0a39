"""How does the bridge reach Redis, and what does it do while Redis is away?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from hashlib import sha1
from typing import Any, Final, TypeVar

from letta_otel.conventions import attributes
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

AWAY: Final = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, OutOfMemoryError)
"""Errors that say Redis cannot do its work now (not reachable, loading, failing over, full): try again later."""

_Result = TypeVar("_Result")
_CONNECTIONS = 64
_SOCKET_TIMEOUT_S = 5.0  # a Redis that is silent for this long is treated as away
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5

log = logging.getLogger("bridge.redis")


def connect(host: str, port: int, password: str = "") -> RedisLink:
    """Return a link that never repeats a command by itself.

    A repeated BLMOVE would take a second request and forget the first, so every repetition here is our own decision.
    """
    pool = BlockingConnectionPool(
        max_connections=_CONNECTIONS,
        timeout=_SOCKET_TIMEOUT_S,
        host=host,
        port=port,
        password=password or None,
        socket_timeout=_SOCKET_TIMEOUT_S,
        socket_connect_timeout=_SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        client_name="letta-bridge",
    )
    return RedisLink(Redis.from_pool(pool))


Argument = str | bytes | int | float
Asked = tuple[tuple[Argument, ...], asyncio.Future[Any]]  # a command, and where its answer is awaited


class RedisLink:
    """Commands to one Redis. What is asked for while others are under way travels together, in the order of asking.

    A command of its own costs more in the client than in Redis, and the bridge has several for each request.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._asked: list[Asked] = []
        self._sending: asyncio.Task[None] | None = None

    async def command(self, *words: Argument) -> Any:
        """Run one command; raises one of AWAY when Redis cannot be reached."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append((words, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all(), name="commands to Redis")
        return await answer

    async def blocking(self, *words: Argument) -> Any:
        """Run one command for which Redis may let its connection wait; raises one of AWAY."""
        return await self._redis.execute_command(*words)  # type: ignore[no-untyped-call]  # it has no types

    def pubsub(self) -> PubSub:
        """Return a channel of its own connection."""
        return self._redis.pubsub(ignore_subscribe_messages=True)

    async def close(self) -> None:
        """Close all connections; commands under way are cancelled."""
        if self._sending is not None:
            self._sending.cancel()
        await self._redis.aclose()

    async def _send_all(self) -> None:
        batch: list[Asked] = []
        try:
            while self._asked:
                batch, self._asked = self._asked, []
                await self._send(batch)
        finally:
            self._sending = None
            for _, answer in [*batch, *self._asked]:
                answer.cancel()  # does nothing to those that were answered

    async def _send(self, batch: list[Asked]) -> None:
        answers: Sequence[Any]
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for words, _ in batch:
                    pipeline.execute_command(*words)
                answers = await pipeline.execute(raise_on_error=False)
        except Exception as error:  # whatever it is: each of them is told, and none waits for ever
            answers = [error] * len(batch)
        for (_, asked), answer in zip(batch, answers, strict=True):
            if asked.done():  # whoever asked does not wait any longer
                continue
            if isinstance(answer, Exception):
                asked.set_exception(answer)
            else:
                asked.set_result(answer)


def pauses() -> Iterator[float]:
    """Yield the seconds to wait before each further try: doubling, up to half a second."""
    pause_s = _FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


async def until_redis_is_back(operation: Callable[[], Awaitable[_Result]]) -> _Result:
    """Repeat an operation that may safely be repeated until Redis has answered it."""
    for pause_s in pauses():
        try:
            return await operation()
        except AWAY as error:
            log.warning("redis is away", extra={attributes.ERROR_TYPE: type(error).__name__})
            await asyncio.sleep(pause_s)
    raise AssertionError("unreachable: the pauses never end")


class Script:
    """A Lua script on one Redis; the server runs it as a whole or not at all."""

    def __init__(self, link: RedisLink, source: str) -> None:
        self._link = link
        self._source = source
        self._digest = sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run the script; raises one of AWAY when Redis cannot be reached."""
        words = (len(keys), *keys, *args)
        try:
            return await self._link.command("EVALSHA", self._digest, *words)
        except NoScriptError:  # new to this Redis, or it was started anew: nothing of it ran
            return await self._link.command("EVAL", self._source, *words)
