"""How does the bridge reach Redis, and what does it do while Redis is away?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

AWAY: Final = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, OutOfMemoryError)
"""Errors that say Redis cannot do its work now (not reachable, loading, failing over, full): try again later."""

_Result = TypeVar("_Result")
_CONNECTIONS = 64
_SOCKET_TIMEOUT_S = 5.0  # a Redis that is silent for this long is treated as away
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5

log = logging.getLogger("bridge.redis")


def connect(host: str, port: int, password: str = "") -> Redis:
    """Return a client that never repeats a command by itself.

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
    return Redis.from_pool(pool)


Argument = str | bytes | int | float


async def command(redis: Redis, *words: Argument) -> Any:
    """Run one command; raises one of AWAY when Redis cannot be reached."""
    return await redis.execute_command(*words)  # type: ignore[no-untyped-call]  # the client leaves this one untyped


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
            log.warning("redis is away", extra={"error": type(error).__name__})
            await asyncio.sleep(pause_s)
    raise AssertionError("unreachable: the pauses never end")


class Script:
    """A Lua script on one Redis; the server runs it as a whole or not at all."""

    def __init__(self, redis: Redis, source: str) -> None:
        self._registered = redis.register_script(source)

    async def run(self, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run the script; raises one of AWAY when Redis cannot be reached."""
        return await self._registered(keys=list(keys), args=list(args))
