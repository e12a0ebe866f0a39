"""How does one worker write down what it saw? Exact samples, a segment a second, and notes of what stands out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from loadgen.run_folder import append_line
from loadgen.samples import OPERATIONS, SOURCES, UNSENT, Outcome, frame, pack_record
from loadgen.streams import STREAM, STREAMS, StreamShape

_NS = 1_000_000_000
_BAD_NOTES_PER_SECOND = 50
_SLOW_NOTES_PER_SECOND = 3
_OPERATION = {name: code for code, name in enumerate(OPERATIONS)}
_SOURCE = {name: code for code, name in enumerate(SOURCES)}


@dataclass(slots=True)
class Sample:
    """One finished request, times in nanoseconds from the origin of the run; `detail` goes into the notes."""

    operation: str
    number: int
    turn: int
    intended_ns: int
    start_ns: int
    end_ns: int
    outcome: Outcome
    first_ns: int = 0
    status: int = 0
    response_bytes: int = 0
    tokens: int = 0
    source: str = ""
    agent: int = 0
    stream: StreamShape | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def response_time_ns(self) -> int:
        """From the intended start to the end: what a user waits."""
        return self.end_ns - self.intended_ns


@dataclass(slots=True)
class Second:
    """What one second brought: how many ended, how many of them not well, and the longest response time."""

    finished: int = 0
    bad: int = 0
    slowest_ns: int = 0


class Recorder:
    """Collects samples and closes a segment every second; `finish` writes the end marker.

    A sample is packed when it comes, so that closing a second with thousands of them does not stall the schedule.
    """

    def __init__(self, folder: Path, worker: int) -> None:
        self._folder = folder
        self._worker = worker
        self._file = folder / f"samples-{worker}.bin"
        self._open = bytearray()
        self._second = Second()
        self._bad: list[Sample] = []
        self._slow: list[Sample] = []
        self._slow_from_ns = 0
        self._counts = {name: [0] * len(Outcome) for name in OPERATIONS}
        self._notes_left_out = 0
        self._written = 0
        self._streams: list[tuple[int, ...]] = []
        self._streams_written = 0

    def add(self, sample: Sample) -> None:
        """Take one finished (or unsent) request."""
        outcome = int(sample.outcome)
        self._open += pack_record(
            sample.intended_ns,
            sample.start_ns,
            sample.end_ns,
            sample.first_ns,
            sample.number,
            sample.agent,
            min(sample.response_bytes, 2**32 - 1),
            sample.turn,
            min(max(sample.status, 0), 2**16 - 1),
            min(max(sample.tokens, 0), 2**16 - 1),
            _OPERATION[sample.operation],
            outcome,
            _SOURCE[sample.source],
            self._worker,
        )
        if sample.stream is not None:
            self._streams.append(sample.stream.row(sample.number, sample.turn, self._worker))
        self._counts[sample.operation][outcome] += 1
        second, took_ns = self._second, sample.response_time_ns
        second.finished += 1
        second.slowest_ns = max(second.slowest_ns, took_ns)
        if outcome:
            second.bad += 1
            self._keep_bad(sample)
        elif took_ns > self._slow_from_ns:
            self._keep_slow(sample)

    def close_second(self, second: int) -> Second:
        """Write what came in since the last call, and sum it up."""
        closed, self._second = self._second, Second()
        if closed.finished:
            segment = frame(second, bytes(self._open))
            self._open.clear()
            with self._file.open("ab", buffering=0) as file:
                file.write(segment)
            self._written += closed.finished
            self._close_streams(second)
            for sample in [*self._bad, *self._slow]:
                append_line(self._folder / f"notes-{self._worker}.jsonl", _describe(sample))
            self._bad, self._slow, self._slow_from_ns = [], [], 0
        return closed

    def finish(self, second: int, **facts: Any) -> None:
        """Close the last segment and write the end marker with the counts that the samples must add up to."""
        self.close_second(second)
        marker = {
            "worker": self._worker,
            "samples": self._written,
            "streams": self._streams_written,
            "counts": {name: found for name, codes in sorted(self._counts.items()) if (found := _named(codes))},
            "notes_left_out": self._notes_left_out,
            **facts,
        }
        temporary = self._folder / f"end-{self._worker}.json.part"
        temporary.write_text(json.dumps(marker, indent=1) + "\n")
        temporary.rename(self._folder / f"end-{self._worker}.json")

    def _close_streams(self, second: int) -> None:
        if self._streams:
            segment = frame(second, np.array(self._streams, STREAM).tobytes(), STREAMS)
            with (self._folder / f"streams-{self._worker}.bin").open("ab", buffering=0) as file:
                file.write(segment)
            self._streams_written += len(self._streams)
            self._streams.clear()

    def _keep_bad(self, sample: Sample) -> None:
        if sample.outcome in UNSENT:
            return
        if len(self._bad) < _BAD_NOTES_PER_SECOND:
            self._bad.append(sample)
        else:
            self._notes_left_out += 1

    def _keep_slow(self, sample: Sample) -> None:
        self._slow.append(sample)
        if len(self._slow) > _SLOW_NOTES_PER_SECOND:
            self._slow.sort(key=lambda kept: -kept.response_time_ns)
            self._slow.pop()
            self._slow_from_ns = self._slow[-1].response_time_ns


def _named(counts: list[int]) -> dict[str, int]:
    return {outcome.name.lower(): counts[outcome] for outcome in Outcome if counts[outcome]}


def _describe(sample: Sample) -> dict[str, Any]:
    return {
        "number": sample.number,
        "turn": sample.turn,
        "operation": sample.operation,
        "outcome": sample.outcome.name.lower(),
        "status": sample.status,
        "source": sample.source,
        "agent": sample.agent,
        "intended_s": round(sample.intended_ns / _NS, 6),
        "lag_ms": round((sample.start_ns - sample.intended_ns) / 1e6, 3),
        "response_ms": round(sample.response_time_ns / 1e6, 3),
        "first_ms": round((sample.first_ns - sample.intended_ns) / 1e6, 3) if sample.first_ns else None,
        **sample.detail,
    }
