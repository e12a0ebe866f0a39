"""What are the numbers of this bridge right now?"""

from __future__ import annotations

import time
from typing import Any

import psutil
from letta_otel.bridge import Seen

from testbed.bridge import names
from testbed.bridge.breaker import Breaker, State
from testbed.bridge.counters import Counters
from testbed.bridge.hand import Hand
from testbed.bridge.redis_link import AWAY, RedisLink
from testbed.bridge.settings import Settings
from testbed.bridge.wire import InvalidRequestError, parse_request


class Stats:
    """The counters of one bridge together with what stands in Redis."""

    def __init__(
        self,
        link: RedisLink,
        instance: str,
        settings: Settings,
        *,
        counters: Counters,
        hand: Hand,
        letta_breaker: Breaker,
        fallback_breaker: Breaker,
    ) -> None:
        self._link = link
        self._settings = settings
        self._counters = counters
        self._hand = hand
        self._letta_breaker = letta_breaker
        self._fallback_breaker = fallback_breaker
        self.instance = instance
        self.has_joined = False

    async def collect(self) -> dict[str, Any]:
        """Return everything that is counted; what stands in Redis is None while Redis is away."""
        return {
            "instance": self.instance,
            **self._counters.snapshot(),
            "in_flight": self._hand.size,
            "breaker": _breaker(self._letta_breaker),
            "fallback_breaker": _breaker(self._fallback_breaker),
            **await self._in_redis(),
            "memory_backend": self._settings.letta_memory_backend,
            "rss_bytes": psutil.Process().memory_info().rss,
        }

    async def health(self) -> dict[str, Any]:
        """Return whether requests can be taken and answered; a Letta that is down is no illness of the bridge."""
        reaches_redis = await self._ask("PING") is not None
        return {
            "healthy": reaches_redis and self.has_joined,
            "redis": reaches_redis,
            "joined": self.has_joined,
            "letta_breaker": self._letta_breaker.state.value,
        }

    async def seen(self) -> Seen:
        """Return what metrics tell of Redis and of the circuit breakers."""
        inside = await self._in_redis()
        lists = {
            names.REQUESTS: inside["queue_depth"],
            names.FALLBACK: inside["fallback_depth"],
            names.DEAD_LETTERS: inside["dead_letters"],
        }
        return Seen(
            depths={name: depth for name, depth in lists.items() if depth is not None},
            oldest_s=await self._oldest_s(),
            sessions=inside["user_sessions"],
            open_circuits={
                "letta": self._letta_breaker.state is not State.CLOSED,
                "memory-python": self._fallback_breaker.state is not State.CLOSED,
            },
        )

    async def _oldest_s(self) -> float | None:
        try:
            entry = await self._link.command("LINDEX", names.REQUESTS, -1)
        except AWAY:
            return None
        return 0.0 if entry is None else entry_age_s(entry, time.time())

    async def _in_redis(self) -> dict[str, int | None]:
        return {
            "queue_depth": await self._ask("LLEN", names.REQUESTS),
            "fallback_depth": await self._ask("LLEN", names.FALLBACK),
            "dead_letters": await self._ask("LLEN", names.DEAD_LETTERS),
            "user_sessions": await self._ask("HLEN", names.USER_AGENTS),
        }

    async def _ask(self, *words: str) -> Any:
        try:
            return await self._link.command(*words)
        except AWAY:
            return None


def entry_age_s(entry: bytes, now_s: float) -> float | None:
    """Return how long ago an entry of the request list was made; None when it does not say, or is no request."""
    try:
        return parse_request(entry).age_s(now_s)
    except InvalidRequestError:
        return None


def _breaker(breaker: Breaker) -> dict[str, str | int]:
    return {"state": breaker.state.value, "times_opened": breaker.times_opened}
