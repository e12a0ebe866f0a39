"""What did a stub see of each request? Its own truth, in columns, and counters that are cheap to ask for."""

from __future__ import annotations

import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

LEDGER_LIMIT = 2_000_000  # rows; about 160 bytes each, so at most some 320 MB


@dataclass(slots=True)
class _Columns:
    operation: list[str] = field(default_factory=list)
    request_id: list[str] = field(default_factory=list)
    agent_id: list[str] = field(default_factory=list)
    arrival_ns: array[int] = field(default_factory=lambda: array("q"))
    first_ns: array[int] = field(default_factory=lambda: array("q"))
    completion_ns: array[int] = field(default_factory=lambda: array("q"))
    status: array[int] = field(default_factory=lambda: array("H"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A request in the ledger, from its arrival to its completion (row -1: counted, but no row was free)."""

    operation: str
    agent_id: str
    row: int
    columns: _Columns


class Ledger:
    """Every request since the start or the last `clear`: rows up to a limit, counters without one.

    Times are CLOCK_MONOTONIC nanoseconds. First is when the first content of a stream was about to be written, 0
    without any. Completion 0 means in flight; status 0 means no answer was sent (yet).
    """

    def __init__(self, limit: int = LEDGER_LIMIT) -> None:
        self._limit = limit
        self._in_flight = 0
        self._messages_in_flight: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Forget all rows and counters; what is in flight now stays in flight, and counts in the new maxima."""
        self._columns = _Columns()
        self._not_listed = 0
        self._operations: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._peaks: dict[str, int] = dict(self._messages_in_flight)

    def open(self, operation: str, request_id: str, agent_id: str) -> Entry:
        """Note the arrival of a request."""
        columns = self._columns
        row = len(columns.operation)
        self._in_flight += 1
        self._operations[operation] += 1
        if row >= self._limit:
            self._not_listed += 1
            return Entry(operation, agent_id, -1, columns)
        if request_id:
            self._calls[request_id] += 1
        columns.operation.append(operation)
        columns.request_id.append(request_id)
        columns.agent_id.append(agent_id)
        columns.arrival_ns.append(time.monotonic_ns())
        columns.first_ns.append(0)
        columns.completion_ns.append(0)
        columns.status.append(0)
        return Entry(operation, agent_id, row, columns)

    def first_content(self, entry: Entry) -> None:
        """Note that the first content of a stream is about to be written."""
        if entry.row >= 0:
            entry.columns.first_ns[entry.row] = time.monotonic_ns()

    def close(self, entry: Entry, status: int) -> None:
        """Note the completion of a request; status 0: no answer."""
        self._in_flight -= 1
        if entry.row >= 0:
            entry.columns.completion_ns[entry.row] = time.monotonic_ns()
            entry.columns.status[entry.row] = status

    def message_begins(self, agent_id: str) -> None:
        """Note that work on a message of this agent begins."""
        now = self._messages_in_flight[agent_id] + 1
        self._messages_in_flight[agent_id] = now
        if now > self._peaks.get(agent_id, 0):
            self._peaks[agent_id] = now

    def message_ends(self, agent_id: str) -> None:
        """Note that work on a message of this agent ended."""
        self._messages_in_flight[agent_id] -= 1
        if not self._messages_in_flight[agent_id]:
            del self._messages_in_flight[agent_id]

    def counters(self) -> dict[str, Any]:
        """Return the totals; `agents_with_overlapping_messages` names each agent that had two or more in flight."""
        overlapping = {agent: peak for agent, peak in self._peaks.items() if peak > 1}
        return {
            "requests": self._operations.total(),
            "requests_by_operation": dict(self._operations),
            "in_flight": self._in_flight,
            "agents_with_messages": len(self._peaks),
            "max_messages_in_flight_per_agent": max(self._peaks.values(), default=0),
            "agents_with_overlapping_messages": overlapping,
            "distinct_request_ids": len(self._calls),
            "max_calls_per_request_id": max(self._calls.values(), default=0),
            "repeated_request_ids": {key: calls for key, calls in self._calls.items() if calls > 1},
            "rows": len(self._columns.operation),
            "rows_limit": self._limit,
            "cut": self._not_listed > 0,
            "not_listed": self._not_listed,
        }

    def as_json(self) -> dict[str, Any]:
        """Return the counters, and the rows as one list a column."""
        columns = self._columns
        return {
            "clock": "CLOCK_MONOTONIC",
            "counters": self.counters(),
            "columns": {
                "operation": columns.operation,
                "request_id": columns.request_id,
                "agent_id": columns.agent_id,
                "arrival_ns": columns.arrival_ns.tolist(),
                "first_ns": columns.first_ns.tolist(),
                "completion_ns": columns.completion_ns.tolist(),
                "status": columns.status.tolist(),
            },
        }
