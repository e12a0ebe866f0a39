"""By how much does the clock of another machine differ from ours? The quickest of several round trips tells.

A question leaves at `sent`, is answered by a clock that shows `theirs`, and is back at `received`: whenever in between
the answer was given, their clock less ours lies within half of the round trip around `theirs - (sent + received) / 2`.
That holds however long either way took, so the quickest round trip gives the narrowest bound (Cristian, "Probabilistic
clock synchronization", Distributed Computing 3, 1989).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One question and its answer: sent and received by our clock, `theirs_ns` what the other clock showed between."""

    sent_ns: int
    theirs_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Their clock less ours, in nanoseconds; the truth is not further away from it than `bound_ns`."""

    offset_ns: int
    bound_ns: int

    def ours_ns(self, theirs_ns: int) -> int:
        """Return what our clock shows when theirs shows `theirs_ns`."""
        return theirs_ns - self.offset_ns


SAME_CLOCK = ClockOffset(0, 0)


def measured(round_trips: Iterable[RoundTrip]) -> ClockOffset:
    """Return the offset that the quickest of the round trips tells; raises ValueError without any."""
    quickest = min(round_trips, key=lambda trip: trip.received_ns - trip.sent_ns)
    around_ns = quickest.received_ns - quickest.sent_ns
    # Twice the middle first: half a nanosecond must be lost to the bound, not to the offset.
    offset_ns = (2 * quickest.theirs_ns - quickest.sent_ns - quickest.received_ns) // 2
    return ClockOffset(offset_ns, around_ns // 2 + 1)


def error_ns(at_start: ClockOffset, at_end: ClockOffset | None) -> int:
    """Return by how much, at the most, a schedule set by `at_start` may have been apart from the common one.

    The bound of the first measurement, and how far the clocks went apart from then to the second, as far as the bounds
    of the two cannot explain it.
    """
    if at_end is None:
        return at_start.bound_ns
    apart_ns = abs(at_end.offset_ns - at_start.offset_ns) - at_start.bound_ns - at_end.bound_ns
    return at_start.bound_ns + max(0, apart_ns)
