"""Whose turn is it, when several messages of one user are in hand?"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Place:
    """A place in the line of one user; it is left at the end of its `with` block at the latest."""

    def __init__(self, line: deque[Place], leave_line: Callable[[deque[Place]], None]) -> None:
        self._line = line
        self._leave_line = leave_line
        self._turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def turn_comes(self, *, within_s: float) -> bool:
        """Wait for the turn and return whether it came; it is kept until the place is left."""
        await asyncio.wait({self._turn}, timeout=max(within_s, 0.0))
        return self._turn.done()

    def call(self) -> None:
        """Let the turn come to this place."""
        if not self._turn.done():
            self._turn.set_result(None)

    def leave(self) -> None:
        """Leave the line; the turn passes on. Harmless when left already."""
        if self in self._line:
            self._line.remove(self)
            self._leave_line(self._line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


class Turns:
    """One turn a user at a time, in the order of lining up; users who wait for nothing leave no trace."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Place]] = {}

    def line_up(self, user_id: str) -> Place:
        """Take the last place in the line of a user, at once: nothing can overtake between the call and its return."""
        line = self._lines.setdefault(user_id, deque())
        place = Place(line, lambda left: self._move_up(user_id, left))
        line.append(place)
        line[0].call()
        return place

    def _move_up(self, user_id: str, line: deque[Place]) -> None:
        if line:
            line[0].call()
        else:
            del self._lines[user_id]
