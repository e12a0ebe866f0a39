"""Which reply belongs to which request of this worker, and what became of each? Complete accounting, in little memory.

A task id is a UUID whose parts say which run, worker and request it belongs to, so that a reply to nobody, a second
reply, and a reply to somebody else's request are told apart.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import greenlet

from loadgen.answered import Answered

_MARK, _WORKER_BITS = 0x80, 0x3F
_BYTES_OF_NUMBER = 5


class TaskIds:
    """UUIDs (version 8, RFC 9562) made of the run, the worker, the number of the arrival, and the turn."""

    def __init__(self, run_id: str, worker: int) -> None:
        self._run = hashlib.sha256(run_id.encode()).digest()[:6]
        self._worker = worker

    def make(self, number: int, turn: int) -> str:
        """Return the id of one request."""
        tail = bytes([_MARK | (self._worker & _WORKER_BITS)]) + turn.to_bytes(2) + number.to_bytes(_BYTES_OF_NUMBER)
        return str(uuid.UUID(bytes=self._run + b"\x80\x00" + tail))

    def is_of_run(self, task_id: str) -> bool:
        """Whether this run sent it, from whichever worker."""
        return task_id.replace("-", "").startswith(self._run.hex())

    def is_of_worker(self, task_id: str) -> bool:
        """Whether this worker's numbers are in it."""
        mark = f"{_MARK | (self._worker & _WORKER_BITS):02x}"
        return self.is_of_run(task_id) and task_id.replace("-", "")[16:18] == mark

    def place(self, task_id: str) -> tuple[int, int]:
        """Return the number and the turn of an id that `make` made; raises ValueError when they are no numbers."""
        return int(task_id[26:], 16), int(task_id[21:23] + task_id[24:26], 16)

    def is_made_here(self, task_id: str) -> bool:
        """Whether this is, letter by letter, an id that `make` gives for some number and turn."""
        try:
            return self.make(*self.place(task_id)) == task_id
        except (ValueError, OverflowError):
            return False


class Waiting:
    """Where the reply to one request arrives; `greenlet` is who waits for it, if somebody does."""

    __slots__ = ("arrived_ns", "failure", "greenlet", "reply")

    def __init__(self) -> None:
        self.reply: dict[str, Any] | None = None
        self.arrived_ns = 0
        self.failure: Exception | None = None
        self.greenlet: greenlet.greenlet | None = None

    def answer(self, reply: dict[str, Any], arrived_ns: int) -> None:
        """Hand over the reply, to run at once with it."""
        self.reply, self.arrived_ns = reply, arrived_ns
        if self.greenlet is not None:
            self.greenlet.switch()

    def fail(self, failure: Exception) -> None:
        """Say that no reply is to be expected."""
        self.failure = failure
        if self.greenlet is not None:
            self.greenlet.switch()


class Ledger:
    """Counts of every request and every reply: complete accounting is what `no message lost` stands on."""

    def __init__(self, ids: TaskIds) -> None:
        self._ids = ids
        self._waiting: dict[str, Waiting] = {}
        self._overdue: set[str] = set()
        self._answered = Answered()
        self.duplicates = 0
        self.unknown = 0
        self.foreign = 0
        self.late = 0
        self.sent = 0

    def expect(self, task_id: str) -> Waiting:
        """Note that a request is being sent, and return where its reply will arrive."""
        self.sent += 1
        waiting = self._waiting[task_id] = Waiting()
        return waiting

    def forget(self, task_id: str) -> None:
        """The request was never pushed after all."""
        self._waiting.pop(task_id)
        self.sent -= 1

    def overdue(self, task_id: str) -> None:
        """Nobody waits for this reply any longer, but it may still come: late is not lost."""
        self._waiting.pop(task_id, None)
        self._overdue.add(task_id)

    def take(self, reply: dict[str, Any], now_ns: int) -> None:
        """Book one reply to the request that it belongs to, or count what is wrong with it."""
        task_id = str(reply.get("task_id"))
        if (waiting := self._waiting.pop(task_id, None)) is not None:
            self._answered.add(self._ids.place(task_id))
            waiting.answer(reply, now_ns)
        elif task_id in self._overdue:
            self._overdue.discard(task_id)
            self._answered.add(self._ids.place(task_id))
            self.late += 1
        elif self._ids.is_made_here(task_id) and self._ids.place(task_id) in self._answered:
            self.duplicates += 1
        elif self._ids.is_of_worker(task_id):
            self.unknown += 1
        elif not self._ids.is_of_run(task_id):
            self.foreign += 1

    @property
    def lost(self) -> int:
        """Requests without any reply so far."""
        return len(self._overdue) + len(self._waiting)

    def summary(self) -> dict[str, int]:
        """Return the counts for the end marker."""
        names = ("sent", "late", "duplicates", "unknown", "foreign", "lost")
        return {"answered": len(self._answered), **{name: int(getattr(self, name)) for name in names}}
