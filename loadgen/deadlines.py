"""Which requests have waited too long? One limit for all of them, and one timer however many there are.

A timer for each request costs more than the request's own bytes; with one limit for all, the oldest is always the
first to run out.
"""

from __future__ import annotations

import time

import gevent
import greenlet

_NS = 1_000_000_000


class TimeLimitError(Exception):
    """The limit has passed."""


class Deadlines:
    """Throws TimeLimitError into a greenlet that has not ended within the limit what it began."""

    def __init__(self, limit_s: float) -> None:
        self._limit_ns = int(limit_s * _NS)
        self._running: dict[greenlet.greenlet, int] = {}  # in the order of their deadlines
        self._loop = gevent.get_hub().loop
        self._timer = self._loop.timer(0.0)

    def begin(self) -> None:
        """Start the clock for the running greenlet, which must call `end`; one at a time for each greenlet."""
        if not self._running and not self._timer.active:
            self._set(self._limit_ns)
        self._running[greenlet.getcurrent()] = time.monotonic_ns() + self._limit_ns

    def end(self) -> None:
        """Stop the clock of the running greenlet."""
        self._running.pop(greenlet.getcurrent(), None)

    def close(self) -> None:
        """Stop watching."""
        self._timer.stop()
        self._timer.close()

    def _set(self, after_ns: int) -> None:
        # A new timer each time: one that is started again keeps its first delay.
        self._timer.close()
        self._timer = self._loop.timer(max(0.0, after_ns / _NS))
        self._timer.start(self._look)

    def _look(self) -> None:
        self._timer.stop()
        now_ns = time.monotonic_ns()
        while self._running:
            late, deadline_ns = next(iter(self._running.items()))
            if deadline_ns > now_ns:
                self._set(deadline_ns - now_ns)
                return
            del self._running[late]
            late.throw(TimeLimitError())
