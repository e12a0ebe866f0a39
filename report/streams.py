"""How did streams come? Their measures, computed from a run folder.

The definitions, and how other tools call them: docs/explanation/streaming-measures.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from loadgen.run_folder import RunFolder
from loadgen.samples import OPERATIONS, Outcome
from report.select import due_in, pick, sent, steady_s
from slo.objective import Phase
from slo.percentile import Interval, percentile_interval

STREAMING = ("stream", "conversation")
PERCENTILES = (50, 95, 99)
_NS = 1e9

Floats = NDArray[np.float64]
Samples = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure over the streams that have it, in seconds; percentiles are empty where none has."""

    name: str
    count: int
    percentiles: dict[int, Interval]


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of one operation that were due in the steady state.

    `failed_after_200` counts those whose status said 200 and whose body says or is an error; `shaped` those of which it
    is known how their content came, and `tokens_said` those whose tokens the target counted.
    """

    operation: str
    sent: int
    ended_well: int
    failed_after_200: int
    shaped: int
    tokens_said: int
    output_tokens: int
    output_tokens_per_s: float
    measures: tuple[Measure, ...]


def streams(folder: RunFolder, confidence: float = 0.95) -> tuple[Streams, ...]:
    """Measure the streams of each operation that answers with one; empty when the steady state had none."""
    steady = due_in(folder, {Phase.STEADY})
    found = (_of_operation(folder, steady, operation, confidence) for operation in STREAMING)
    return tuple(one for one in found if one is not None)


def _of_operation(folder: RunFolder, steady: Samples, operation: str, confidence: float) -> Streams | None:
    samples = sent(pick(steady, steady["operation"] == OPERATIONS.index(operation)))
    if not len(samples):
        return None
    # Only what ended well has measures, as in the tools that these are compared with; the objectives count the rest.
    good = pick(samples, (samples["outcome"] == Outcome.OK) & (samples["first_ns"] > 0))
    shape, is_shaped = _shapes(folder.streams, good)
    output_tokens = int(good["tokens"].sum(dtype=np.int64))
    return Streams(
        operation=operation,
        sent=len(samples),
        ended_well=int(np.count_nonzero(samples["outcome"] == Outcome.OK)),
        failed_after_200=int(np.count_nonzero((samples["outcome"] == Outcome.ERROR) & (samples["status"] == 200))),
        shaped=int(np.count_nonzero(is_shaped)),
        tokens_said=int(np.count_nonzero(shape["tokens_said"][is_shaped])),
        output_tokens=output_tokens,
        output_tokens_per_s=output_tokens / steady_s(folder),
        measures=tuple(
            _measure(name, values, good["intended_ns"], confidence)
            for name, values in _values(good, shape, is_shaped).items()
        ),
    )


def _shapes(streams_seen: Samples, samples: Samples) -> tuple[Samples, NDArray[np.bool_]]:
    """Return for each sample the record of its stream, and whether it has one."""
    keys, wanted = _keys(streams_seen), _keys(samples)
    order = np.argsort(keys)
    at = np.searchsorted(keys, wanted, sorter=order)
    has = at < len(keys)
    has[has] = keys[order[at[has]]] == wanted[has]
    shape = np.zeros(len(samples), streams_seen.dtype)
    shape[has] = streams_seen[order[at[has]]]
    return shape, has


def _keys(records: Samples) -> NDArray[np.int64]:
    return np.asarray((records["number"].astype(np.int64) << 16) | records["turn"], np.int64)


def _values(good: Samples, shape: Samples, is_shaped: NDArray[np.bool_]) -> dict[str, Floats]:
    """Return each measure in seconds, not a number where a stream has none."""
    first = good["first_ns"]
    later_tokens = np.where(is_shaped & (shape["chunks"] > 1), good["tokens"].astype(np.int64) - 1, 0)
    later_chunks = np.where(is_shaped, shape["chunks"].astype(np.int64) - 1, 0)
    return {
        "first_token_from_intended": (first - good["intended_ns"]) / _NS,
        "first_token_from_send": (first - good["start_ns"]) / _NS,
        "time_per_output_token": _over(good["end_ns"] - first, later_tokens),
        "inter_token_latency": _over(shape["lasted_ns"], later_tokens),
        "inter_chunk_latency": _over(shape["lasted_ns"], later_chunks),
        "longest_chunk_gap": np.where(later_chunks > 0, shape["longest_gap_ns"] / _NS, np.nan),
    }


def _over(durations_ns: NDArray[np.int64], parts: NDArray[np.int64]) -> Floats:
    """Return seconds a part; a stream whose content came in one piece has no time between parts."""
    seconds = np.full(len(parts), np.nan)
    np.divide(durations_ns / _NS, parts, out=seconds, where=parts > 0)
    return seconds


def _measure(name: str, values: Floats, intended_ns: NDArray[np.int64], confidence: float) -> Measure:
    known = np.isfinite(values)
    if not known.any():
        return Measure(name, 0, {})
    blocks = intended_ns[known] // int(_NS)
    blocks -= blocks.min()
    return Measure(
        name,
        int(np.count_nonzero(known)),
        {p: percentile_interval(values[known], Fraction(p, 100), blocks, confidence) for p in PERCENTILES},
    )
