"""When may the next message be sent to a channel that takes only so many in a minute?"""

from __future__ import annotations


class Allowance:
    """A bucket: half of a minute's messages at once, the other half evenly, so that no 60 s see more than allowed.

    `a_minute` None allows everything. Times are seconds of a clock that only goes forward.
    """

    def __init__(self, a_minute: int | None, now_s: float) -> None:
        self._unlimited = a_minute is None
        most = a_minute or 1
        self._size = max(1.0, most // 2)
        self._a_second = max(1.0, most - self._size) / 60.0
        self._left = self._size
        self._at_s = now_s
        self._refusals = 0

    def wait_s(self, now_s: float) -> float:
        """Return how long to wait before the next message, 0 when it may go."""
        if self._unlimited and not self._refusals:
            return 0.0
        self._fill(now_s)
        return max(0.0, (1.0 - self._left) / self._a_second)

    def spend(self, now_s: float) -> None:
        """Note that a message goes."""
        self._fill(now_s)
        self._left -= 1.0

    def taken(self) -> None:
        """Note that the channel took a message."""
        self._refusals = 0

    def refused(self, now_s: float) -> None:
        """Note that the channel wants a rest: each time in a row twice as long as before, a minute at most."""
        self._fill(now_s)
        rest_s = min(60.0, 2.0**self._refusals / self._a_second)
        self._refusals += 1
        self._left = 1.0 - rest_s * self._a_second

    def _fill(self, now_s: float) -> None:
        self._left = min(self._size, self._left + (now_s - self._at_s) * self._a_second)
        self._at_s = now_s
