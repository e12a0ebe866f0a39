"""How is a task ended for certain?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

_AGAIN_S: Final = 0.1


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are done; what they return or raise is dropped.

    Once is not enough: redis-py (8.1) swallows a cancellation that comes while a command is under way. For the same
    reason no asyncio.timeout stands around a Redis command anywhere here; the socket's own timeout bounds it.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_S)
