"""How many values may an attribute have on a metric? The SDK sets no bound, and each value is a series for good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

OTHER: Final = "_OTHER"  # the word of the semantic conventions for what is not told apart
MOST_VALUES: Final = 30  # of one attribute: the reference bridge has 15 reasons for its fallback


class Bound:
    """Lets the first values of one attribute through, and gives OTHER for those that come after."""

    def __init__(self, known: Iterable[str] = (), *, most: int = MOST_VALUES) -> None:
        self._seen = set(known)
        self._most = max(most, len(self._seen))

    def __call__(self, value: str) -> str:
        """Return the value, or OTHER."""
        if value in self._seen:
            return value
        if len(self._seen) >= self._most:
            return OTHER
        self._seen.add(value)
        return value
