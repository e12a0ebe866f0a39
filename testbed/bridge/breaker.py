"""May a call be made now, or has the other side failed so often that it is left alone for a while?

The three states of a circuit breaker: closed (calls pass), open (none does), half-open (trial calls decide). Trials
start `open_s` apart even when the one before has not answered: a trial that hangs must not keep the breaker from
noticing that the other side is back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """State of a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call; its outcome counts until the breaker next opens or closes."""

    generation: int


class Breaker:
    """Opens after `failures_to_open` failures in a row; `clock` gives seconds and never goes backwards."""

    def __init__(self, *, failures_to_open: int, open_s: float, clock: Callable[[], float]) -> None:
        self._failures_to_open = failures_to_open
        self._open_s = open_s
        self._clock = clock
        self._generation = 0
        self._failures = 0
        self._next_trial_at = 0.0
        self.state = State.CLOSED
        self.times_opened = 0

    def admit(self) -> Permit | None:
        """Return leave for one call, or None when the call must not be made."""
        if self.state is not State.CLOSED:
            now = self._clock()
            if now < self._next_trial_at:
                return None
            self.state = State.HALF_OPEN
            self._next_trial_at = now + self._open_s
        return Permit(self._generation)

    def succeeded(self, permit: Permit) -> None:
        """Record that the other side answered."""
        if permit.generation != self._generation:
            return
        self._failures = 0
        if self.state is not State.CLOSED:
            self._change(State.CLOSED)

    def failed(self, permit: Permit) -> None:
        """Record that the other side failed."""
        if permit.generation != self._generation:
            return
        if self.state is State.HALF_OPEN:
            self.state = State.OPEN
        elif self.state is State.CLOSED:
            self._failures += 1
            if self._failures >= self._failures_to_open:
                self._next_trial_at = self._clock() + self._open_s
                self.times_opened += 1
                self._change(State.OPEN)

    def _change(self, state: State) -> None:
        self.state = state
        self._failures = 0
        self._generation += 1
