"""Which requests took longest, and where did their time go? From the notes of the workers, identifiers only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loadgen.run_folder import RunFolder
from report.traces import Trace, Traces

_SHOWN = 12
_LONGEST_TEXT = 120
# What a note may bring into a report. Everything else in it stays in the run folder, so no message can slip through.
_IDENTIFIERS = ("task_id", "run_id", "agent_id", "trace_id")
_STAGES = ("queue_wait", "agent_lookup", "letta_call", "retry_wait", "fallback")
_SMALLEST_PART_MS = 0.05


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a request's time."""

    name: str
    ms: float


@dataclass(frozen=True, slots=True)
class SlowRequest:
    """A request that took long; times in milliseconds from its intended start, `due_s` from the origin of the run."""

    request_id: str
    operation: str
    outcome: str
    status: int
    source: str
    due_s: float
    phase: str
    response_ms: float
    lag_ms: float
    parts: tuple[Part, ...]
    attempts: int | None
    redelivered: bool | None
    identifiers: dict[str, str]
    error: str
    trace: Trace | None


def slowest(folder: RunFolder) -> tuple[SlowRequest, ...]:
    """Return the slowest requests among those noted: each worker notes its slowest three a second, and bad ones."""
    notes = sorted(folder.notes, key=lambda note: (-float(note["response_ms"]), int(note["number"]), int(note["turn"])))
    traces = Traces.of(folder)
    return tuple(_read(folder, note, traces) for note in notes[:_SHOWN])


def _read(folder: RunFolder, note: dict[str, Any], traces: Traces | None) -> SlowRequest:
    request_id = f"{folder.plan.run_id}-{int(note['number'])}-{int(note['turn'])}"
    due_s = float(note["intended_s"])
    attempts, redelivered = note.get("attempts"), note.get("redelivered")
    return SlowRequest(
        request_id=request_id,
        operation=str(note["operation"]),
        outcome=str(note["outcome"]).replace("_", " "),
        status=int(note["status"]),
        source=str(note["source"]),
        due_s=due_s,
        phase=folder.plan.phases.phase_at(due_s),
        response_ms=float(note["response_ms"]),
        lag_ms=float(note["lag_ms"]),
        parts=_parts(note),
        attempts=attempts if isinstance(attempts, int) else None,
        redelivered=redelivered if isinstance(redelivered, bool) else None,
        identifiers={key: str(note[key])[:_LONGEST_TEXT] for key in _IDENTIFIERS if note.get(key)},
        error=str(note.get("error") or "")[:_LONGEST_TEXT],
        trace=traces.find(request_id, due_s) if traces else None,
    )


def _parts(note: dict[str, Any]) -> tuple[Part, ...]:
    """Split a response time: late start, then the bridge's own stages or the first token, then what is left."""
    response_ms, lag_ms = float(note["response_ms"]), float(note["lag_ms"])
    stages = note.get("stages_ms")
    parts = [Part("late start", lag_ms)]
    if isinstance(stages, dict):
        parts += [Part(name.replace("_", " "), _milliseconds(stages.get(name))) for name in _STAGES]
        parts.append(Part("elsewhere", response_ms - sum(part.ms for part in parts)))
    elif note.get("first_ms") is not None:
        first_ms = float(note["first_ms"])
        parts += [Part("to the first token", first_ms - lag_ms), Part("rest of the stream", response_ms - first_ms)]
    else:
        parts.append(Part("service", response_ms - lag_ms))
    return tuple(Part(part.name, round(part.ms, 3)) for part in parts if part.ms >= _SMALLEST_PART_MS)


def _milliseconds(value: Any) -> float:
    """Read a stage that a bridge reported; what is no number counts as not reported."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else 0.0
