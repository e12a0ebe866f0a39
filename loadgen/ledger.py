"""Which reply belongs to which request of this worker, and what became of each? Complete accounting, in little memory.

A task id is a UUID whose parts say which run, worker and request it belongs to, so that a reply to nobody, a second
reply, and a reply to somebody else's request are told apart.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from typing import Any

import greenlet

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
        """Return number and turn of an id that `make` returned."""
        digits = task_id.replace("-", "")
        return int(digits[22:], 16), int(digits[18:22], 16)


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
        self._answered = _Answered()
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
            self._answered.add(*self._ids.place(task_id))
            waiting.answer(reply, now_ns)
        elif task_id in self._overdue:
            self._overdue.discard(task_id)
            self._answered.add(*self._ids.place(task_id))
            self.late += 1
        elif not self._ids.is_of_run(task_id):
            self.foreign += 1
        elif self._ids.is_of_worker(task_id):
            if self._was_answered(task_id):
                self.duplicates += 1
            else:
                self.unknown += 1

    @property
    def lost(self) -> int:
        """Requests without any reply so far."""
        return len(self._overdue) + len(self._waiting)

    def summary(self) -> dict[str, int]:
        """Return the counts for the end marker."""
        names = ("sent", "late", "duplicates", "unknown", "foreign", "lost")
        return {"answered": self._answered.count, **{name: int(getattr(self, name)) for name in names}}

    def _was_answered(self, task_id: str) -> bool:
        try:
            return self._answered.has(*self._ids.place(task_id))
        except ValueError:  # it begins like one of ours, and goes on otherwise
            return False


class _Answered:
    """Which requests have had their reply: a bit for each, so that days of them fit into memory."""

    def __init__(self) -> None:
        self._bits: dict[int, bytearray] = defaultdict(bytearray)  # of each turn
        self.count = 0

    def add(self, number: int, turn: int) -> None:
        bits, at = self._bits[turn], number >> 3
        if at >= len(bits):
            bits.extend(bytes(at + 1 - len(bits)))
        bits[at] |= 1 << (number & 7)
        self.count += 1

    def has(self, number: int, turn: int) -> bool:
        bits, at = self._bits.get(turn, b""), number >> 3
        return at < len(bits) and bool(bits[at] >> (number & 7) & 1)
