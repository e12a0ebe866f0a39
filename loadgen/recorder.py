"""How does one worker write down what it saw? Exact samples, a segment a second, and notes of what stands out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from loadgen.run_folder import append_line
from loadgen.samples import OPERATIONS, RECORD, SOURCES, UNSENT, Outcome, frame
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


class Recorder:
    """Collects samples and closes a segment every second; `finish` writes the end marker."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._folder = folder
        self._worker = worker
        self._file = folder / f"samples-{worker}.bin"
        self._open: list[Sample] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._notes_left_out = 0
        self._written = 0
        self._streams_written = 0

    def add(self, sample: Sample) -> None:
        """Take one finished (or unsent) request."""
        self._open.append(sample)
        self._counts[sample.operation, sample.outcome.name.lower()] += 1

    def close_second(self, second: int) -> list[Sample]:
        """Write what came in since the last call, and return it."""
        closed, self._open = self._open, []
        if closed:
            segment = frame(second, np.array([self._row(sample) for sample in closed], RECORD))
            with self._file.open("ab", buffering=0) as file:
                file.write(segment)
            self._written += len(closed)
            self._write_streams(second, closed)
            self._note(closed)
        return closed

    def finish(self, second: int, **facts: Any) -> None:
        """Close the last segment and write the end marker with the counts that the samples must add up to."""
        self.close_second(second)
        counts: dict[str, dict[str, int]] = {}
        for (operation, outcome), count in sorted(self._counts.items()):
            counts.setdefault(operation, {})[outcome] = count
        marker = {
            "worker": self._worker,
            "samples": self._written,
            "streams": self._streams_written,
            "counts": counts,
            "notes_left_out": self._notes_left_out,
            **facts,
        }
        temporary = self._folder / f"end-{self._worker}.json.part"
        temporary.write_text(json.dumps(marker, indent=1) + "\n")
        temporary.rename(self._folder / f"end-{self._worker}.json")

    def _write_streams(self, second: int, closed: list[Sample]) -> None:
        rows = [s.stream.row(s.number, s.turn, self._worker) for s in closed if s.stream is not None]
        if rows:
            with (self._folder / f"streams-{self._worker}.bin").open("ab", buffering=0) as file:
                file.write(frame(second, np.array(rows, STREAM), STREAMS))
            self._streams_written += len(rows)

    def _row(self, sample: Sample) -> tuple[int, ...]:
        return (
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
            int(sample.outcome),
            _SOURCE[sample.source],
            self._worker,
        )

    def _note(self, closed: list[Sample]) -> None:
        bad = [s for s in closed if s.outcome != Outcome.OK and s.outcome not in UNSENT]
        slow = sorted((s for s in closed if s.outcome == Outcome.OK), key=lambda s: -s.response_time_ns)
        self._notes_left_out += max(0, len(bad) - _BAD_NOTES_PER_SECOND)
        for sample in [*bad[:_BAD_NOTES_PER_SECOND], *slow[:_SLOW_NOTES_PER_SECOND]]:
            append_line(self._folder / f"notes-{self._worker}.jsonl", _describe(sample))


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
