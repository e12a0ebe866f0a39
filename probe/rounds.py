"""When is the next probe due, and what of one that could not be sent since the one before it still had no answer?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from loadgen.target import TargetError
from probe.asking import Answer, Asker, LettaMessages
from probe.counters import Counters


@dataclass(slots=True)
class Tally:
    """What one operation's probes came to."""

    sent: int = 0
    bad: int = 0
    not_sent: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    slowest_s: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)


class Rounds:
    """Probes one operation on a grid of times until stopped; times count from when a probe was due."""

    def __init__(
        self, asker: Asker, counters: Counters, *, every_s: float, timeout_s: float, say: Callable[[str], None]
    ) -> None:
        self._asker = asker
        self._counters = counters
        self._every_s = every_s
        self._timeout_s = timeout_s
        self._say = say
        self.tally = Tally()

    def run(self, stop: threading.Event) -> None:
        """Probe until `stop` is set. A round that came due while nothing was answered is bad for its users, too."""
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            answer = self._asker.ask(self._timeout_s)
            self._book(answer, time.monotonic() - due)
            self.tally.sent += 1
            due += self._every_s
            while due + self._every_s <= time.monotonic():
                self.tally.not_sent += 1
                self._book(Answer("not sent: the probe before it had no answer yet"), time.monotonic() - due)
                due += self._every_s
            self._renew()

    def _book(self, answer: Answer, took_s: float) -> None:
        is_good = self._counters.count(self._asker.operation, answer, took_s)
        tally = self.tally
        tally.tokens_in += answer.tokens_in
        tally.tokens_out += answer.tokens_out
        tally.slowest_s = max(tally.slowest_s, took_s)
        if not is_good:
            tally.bad += 1
            reason = answer.error or f"{took_s:.2f} s" + (f" from {answer.source}" if answer.source else "")
            tally.errors[answer.error or "answered, but not as an objective asks"] = (
                tally.errors.get(answer.error or "answered, but not as an objective asks", 0) + 1
            )
            self._say(f"{self._asker.operation}: bad, {reason}")

    def _renew(self) -> None:
        if isinstance(self._asker, LettaMessages):
            try:
                self._asker.renew_when_due()
            except TargetError as error:  # the next probe says so too, and counts it
                self._say(f"the agent could not be replaced: {error}")
