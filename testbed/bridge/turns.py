"""Whose turn is it, when several messages of one user are in hand?"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class Turn:
    """The right to talk to the agent of one user; it passes on at the end of the `with` block."""

    def __init__(self, turns: Turns, user_id: str) -> None:
        self._turns = turns
        self._user_id = user_id

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._turns.pass_on(self._user_id)


class Turns:
    """One turn a user at a time, in the order of asking; users who wait for nothing leave no trace."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def wait(self, user_id: str, *, timeout_s: float) -> Turn | None:
        """Return the turn when it comes, or None when it did not come in time."""
        if user_id not in self._waiting:
            self._waiting[user_id] = deque()
            return Turn(self, user_id)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[user_id].append(mine)
        try:
            async with asyncio.timeout(max(timeout_s, 0)):
                await mine
        except BaseException as error:
            if mine.done() and not mine.cancelled():
                self.pass_on(user_id)  # the turn came in the very moment of giving up
            if isinstance(error, TimeoutError):
                return None
            raise
        return Turn(self, user_id)

    def pass_on(self, user_id: str) -> None:
        """Give the turn to the next who still waits."""
        waiting = self._waiting[user_id]
        while waiting:
            following = waiting.popleft()
            if not following.done():
                following.set_result(None)
                return
        del self._waiting[user_id]
