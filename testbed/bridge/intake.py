"""When is the next entry taken, and how does taking end?"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Final

from letta_otel.conventions import attributes

from testbed.bridge.counters import Counters
from testbed.bridge.endings import end
from testbed.bridge.hand import Hand
from testbed.bridge.redis_link import AWAY, pauses
from testbed.bridge.worker import Worker

_STOP_CHECK_S: Final = 0.5  # the longest that a full bridge needs to notice that it shall stop
_MORE: Final = 32  # entries in one way to Redis, behind the first; what is left is there for other bridges

log = logging.getLogger("bridge.intake")


class Intake:
    """Takes entries while there is room for them; what there is no room for stays in Redis."""

    def __init__(self, hand: Hand, worker: Worker, counters: Counters, *, max_concurrency: int, check_s: float) -> None:
        self._hand = hand
        self._worker = worker
        self._counters = counters
        self._max_concurrency = max_concurrency
        self._check_s = check_s
        self._check_at = 0.0
        self._at_work: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Take entries until `stop` is set; returns with the last ones still at work."""
        pause = pauses()
        while not stop.is_set():
            try:
                await self._take_some()
                pause = pauses()
            except AWAY as error:
                log.warning("redis is away", extra={attributes.ERROR_TYPE: type(error).__name__})
                self._check_at = 0.0
                await asyncio.sleep(next(pause))

    async def drain(self, timeout_s: float) -> int:
        """Wait for the entries at work, give up on those that take too long, and return how many those are."""
        if not self._at_work:
            return 0
        _, unfinished = await asyncio.wait(self._at_work, timeout=timeout_s)
        await end(unfinished)
        return len(unfinished)

    async def _take_some(self) -> None:
        room = self._max_concurrency - len(self._at_work)
        if room <= 0:
            await self._wait_for_room()
            return
        if time.monotonic() >= self._check_at:
            self._counters.put_back += await self._hand.put_back_unseen()
            self._check_at = time.monotonic() + self._check_s
        first = await self._hand.take()
        if first is None:
            return
        self._begin(first)
        if room > 1:
            for raw in await self._hand.take_more(min(room - 1, _MORE)):
                self._begin(raw)

    def _begin(self, raw: bytes) -> None:
        self._counters.taken += 1
        task = asyncio.create_task(self._worker.handle(raw))
        self._at_work.add(task)
        task.add_done_callback(self._finish)

    async def _wait_for_room(self) -> None:
        self._room.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_CHECK_S):
                await self._room.wait()

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        self._room.set()
        error = None if task.cancelled() else task.exception()
        if error is not None:  # its entry stays in the list of this bridge and goes back when this bridge ends
            log.error("an entry could not be settled", exc_info=error)
