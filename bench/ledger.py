"""What did the benchmark's target see of each request, and what was it told to do? Kept in memory, read after a run."""

from __future__ import annotations

from array import array
from typing import Any

from bench.service_times import ServiceTimes

_NS = 1_000_000_000


class Ledger:
    """One row a request, in the order in which requests were read; times are CLOCK_MONOTONIC in nanoseconds."""

    def __init__(self, service: ServiceTimes) -> None:
        self._service = service
        self._stall_after_ns = self._stall_for_ns = 0
        self.era = 0
        self.clear()

    def clear(self) -> None:
        """Forget all requests; what is being worked on is answered and not noted."""
        self.era += 1
        self.arrival_ns, self.completion_ns, self.number = array("q"), array("q"), array("q")
        self.request_bytes = 0
        self.unstamped = 0  # arrivals without a time from the kernel: they have the time at which they were read
        self.refused = 0  # what was no request of this target: answered with 404, and not in the columns
        self.cut_off = 0  # connections closed because the other side did not read

    def arrive(self, arrival_ns: int, number: int, size: int) -> int:
        """Note an arrival, with its own number or (negative) that of its place; return its row."""
        row = len(self.arrival_ns)
        self.arrival_ns.append(arrival_ns)
        self.completion_ns.append(0)
        self.number.append(row if number < 0 else number)
        self.request_bytes += size
        return row

    def due_ns(self, row: int, read_ns: int) -> int:
        """Return when a request that was read at this time is answered."""
        return read_ns + self._service.of(self.number[row])

    def complete(self, era: int, row: int, now_ns: int) -> None:
        """Note an answer."""
        if era == self.era:
            self.completion_ns[row] = now_ns

    def plan_stall(self, after_s: float, for_s: float) -> None:
        """Stand still for `for_s`, beginning `after_s` after the first arrival to come; 0 takes the plan back."""
        self._stall_after_ns, self._stall_for_ns = int(after_s * _NS), int(for_s * _NS)

    def next_stall_ns(self) -> tuple[int, int]:
        """Return begin and end of the stall to come; 0, 0 when none is planned or nothing has arrived yet."""
        if not self._stall_for_ns or not self.arrival_ns:
            return 0, 0
        begin_ns = self.arrival_ns[0] + self._stall_after_ns
        return begin_ns, begin_ns + self._stall_for_ns

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        columns = {"arrival_ns": self.arrival_ns, "completion_ns": self.completion_ns, "number": self.number}
        return {"columns": {name: column.tolist() for name, column in columns.items()}, **self.counters()}

    def counters(self) -> dict[str, int]:
        """Return the counts alone."""
        return {
            "requests": len(self.arrival_ns),
            "request_bytes": self.request_bytes,
            "unstamped": self.unstamped,
            "refused": self.refused,
            "cut_off": self.cut_off,
        }
