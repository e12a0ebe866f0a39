"""Which requests of a run were answered already? A bit for each, so that a run of hours needs a few MiB."""

from __future__ import annotations


class Answered:
    """A set of requests, each by the number of its arrival and its turn.

    Their ids as text in a set took 120 bytes each: 0.8 GiB in an hour at 2,000 a second. Here it is one bit for each
    number up to the highest, for each turn.
    """

    def __init__(self) -> None:
        self._bits: dict[int, bytearray] = {}
        self._count = 0

    def __len__(self) -> int:
        """Count the requests."""
        return self._count

    def __contains__(self, request: tuple[int, int]) -> bool:
        """Whether this number and turn was added."""
        number, turn = request
        bits = self._bits.get(turn)
        return bits is not None and number >> 3 < len(bits) and bool(bits[number >> 3] & (1 << (number & 7)))

    def add(self, request: tuple[int, int]) -> None:
        """Add a number and turn that is not in yet."""
        number, turn = request
        bits = self._bits.setdefault(turn, bytearray())
        if number >> 3 >= len(bits):
            bits.extend(bytes((number >> 3) + 1 - len(bits)))
        bits[number >> 3] |= 1 << (number & 7)
        self._count += 1
