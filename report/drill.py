"""What happened around a fault on purpose? When it struck, who answered meanwhile, when things were as before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadgen.run_folder import RunFolder
from loadgen.samples import BRIDGE_OPERATIONS, OPERATIONS, SOURCES, UNSENT, Outcome

_NS = 1e9
_BRIDGE = [OPERATIONS.index(name) for name in sorted(BRIDGE_OPERATIONS)]
_PERMANENT = OPERATIONS.index("bridge")  # Letta's by the bridge's routing; memory-python answers it as a fallback only
_LETTA = SOURCES.index("letta")
_FALLBACK = SOURCES.index("memory-python")


@dataclass(frozen=True, slots=True)
class Drill:
    """A fault and its consequences; offsets count from the origin of the run, None is "did not happen".

    `bridge_requests` were due during the fault; of these, `by_fallback` would have been Letta's, and `by_routing` are
    memory-python's anyway. `first_fallback_s`: from the begin of the fault to the first reply by memory-python in
    Letta's place. `letta_silent_s`: from the begin to the last answer of Letta before it fell silent. `letta_back_s`:
    from the end of the fault to Letta's next answer. `longest_silence_s`: the longest time without any reply of the
    bridge, from the begin until Letta was back.
    """

    name: str
    began_s: float
    ended_s: float
    bridge_requests: int
    by_letta: int
    by_fallback: int
    by_routing: int
    failed: int
    first_fallback_s: float | None
    longest_reply_s: float | None
    letta_silent_s: float | None
    letta_back_s: float | None
    longest_silence_s: float | None


def drills(folder: RunFolder) -> tuple[Drill, ...]:
    """Return every fault that was noted, in order of time."""
    return tuple(_read(folder, event) for event in folder.events if event["kind"] == "fault")


def _read(folder: RunFolder, event: dict[str, Any]) -> Drill:
    began_s = float(event["offset_s"])
    ended_s = began_s + float(event.get("duration_s") or 0.0)
    samples = folder.samples[~np.isin(folder.samples["outcome"], UNSENT)]
    bridge = samples[np.isin(samples["operation"], _BRIDGE)]
    due_s = bridge["intended_ns"] / _NS
    during = bridge[(due_s >= began_s) & (due_s < ended_s)]
    replied = during[during["outcome"] == Outcome.OK]
    by_memory = replied[replied["source"] == _FALLBACK]
    by_fallback = by_memory[by_memory["operation"] == _PERMANENT]
    back_s = _first(_letta_answers_s(samples), ended_s)
    last_s = _last(_letta_answers_s(samples), began_s, ended_s)
    return Drill(
        name=str(event.get("name") or "fault"),
        began_s=began_s,
        ended_s=ended_s,
        bridge_requests=len(during),
        by_letta=int(np.count_nonzero(replied["source"] == _LETTA)),
        by_fallback=len(by_fallback),
        by_routing=len(by_memory) - len(by_fallback),
        failed=int(np.count_nonzero(during["outcome"] != Outcome.OK)),
        first_fallback_s=_since(_first(by_fallback["end_ns"] / _NS, began_s), began_s),
        longest_reply_s=float(((replied["end_ns"] - replied["intended_ns"]) / _NS).max()) if len(replied) else None,
        letta_silent_s=_since(last_s, began_s),
        letta_back_s=_since(back_s, ended_s),
        longest_silence_s=_longest_gap(bridge, began_s, ended_s if back_s is None else back_s),
    )


def _letta_answers_s(samples: NDArray[np.void]) -> NDArray[np.float64]:
    """Return when Letta answered well, to the suite itself or through the bridge."""
    is_letta = ~np.isin(samples["operation"], _BRIDGE) | (samples["source"] == _LETTA)
    answered = samples[is_letta & (samples["outcome"] == Outcome.OK)]
    return np.sort(answered["end_ns"]) / _NS


def _first(times_s: NDArray[np.float64], after_s: float) -> float | None:
    later = times_s[times_s > after_s]
    return float(later.min()) if len(later) else None


def _last(times_s: NDArray[np.float64], after_s: float, before_s: float) -> float | None:
    """Return the last time of the interval, None when nothing fell silent in it."""
    within = times_s[(times_s > after_s) & (times_s <= before_s)]
    return float(within.max()) if len(within) else None


def _since(time_s: float | None, origin_s: float) -> float | None:
    return None if time_s is None else time_s - origin_s


def _longest_gap(bridge: NDArray[np.void], from_s: float, to_s: float) -> float | None:
    ends_s = np.sort(bridge[bridge["outcome"] == Outcome.OK]["end_ns"]) / _NS
    within = ends_s[(ends_s > from_s) & (ends_s < to_s)]
    if not len(ends_s):
        return None
    return float(np.diff(np.concatenate([[from_s], within, [to_s]])).max())
