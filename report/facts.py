"""What decides whether a run is valid? Facts about the generator, gathered from a run folder."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from loadgen import schedule
from loadgen.run_folder import RunFolder
from loadgen.samples import UNSENT, Outcome
from slo.validity import RunFacts

_NS = 1e9


def run_facts(folder: RunFolder) -> RunFacts:
    """Count intended and started arrivals, measure lag, look for lost workers and for a busy machine."""
    samples = folder.samples
    is_first, is_sent = samples["turn"] == 0, ~np.isin(samples["outcome"], UNSENT)
    lag_s = (samples["start_ns"] - samples["intended_ns"])[is_sent] / _NS
    return RunFacts(
        intended=intended_arrivals(folder, int(np.count_nonzero(is_first))),
        started=int(np.count_nonzero(is_first & is_sent)),
        dropped=int(np.count_nonzero(samples["outcome"] == Outcome.DROPPED)),
        no_free_agent=int(np.count_nonzero(samples["outcome"] == Outcome.NO_FREE_AGENT)),
        lag_p99_s=float(np.quantile(lag_s, 0.99)) if len(lag_s) else None,
        workers_expected=int(folder.manifest["workers"]),
        workers_finished=len(folder.ends),
        generator_busy_share=_highest(folder.machine, "generator_cpu"),
        machine_busy_share=_highest(folder.machine, "machine_cpu"),
        samples_missing=abs(sum(int(end["samples"]) for end in folder.ends) - _of_finished(folder)),
        longest_pause_s=_longest_pause_s(folder.machine),
        steal_share=_highest(folder.machine, "steal"),
        lost_workers=_lost_workers(folder),
        clock_error_s=_clock_error_s(folder),
    )


def _of_finished(folder: RunFolder) -> int:
    """Count the samples of workers that left an end marker, which says how many there must be."""
    finished = [int(end["worker"]) for end in folder.ends]
    return int(np.count_nonzero(np.isin(folder.samples["worker"], finished)))


def intended_arrivals(folder: RunFolder, seen: int) -> int:
    """Return how many arrivals the plan's schedule holds; a live run has no schedule, so what was seen was meant."""
    return seen if folder.manifest.get("live") else len(schedule.of_plan(folder.plan))


def _lost_workers(folder: RunFolder) -> tuple[str, ...]:
    """Name the workers without an end marker; where a master led them, with the machine each ran on."""
    hosts = {event["worker"]: f" on {event['host']}" for event in folder.events if event["kind"] == "worker joined"}
    finished = {int(end["worker"]) for end in folder.ends}
    lost = [number for number in range(int(folder.manifest["workers"])) if number not in finished]
    return tuple(f"worker {number}{hosts.get(number, '')}" for number in lost)


def _clock_error_s(folder: RunFolder) -> float | None:
    """Return by how much the clocks of workers on several machines may have been apart, None when nobody measured."""
    errors_ms = [float(event["clock_error_ms"]) for event in folder.events if "clock_error_ms" in event]
    return max(errors_ms) / 1000 if errors_ms else None


def _longest_pause_s(rows: list[dict[str, Any]]) -> float | None:
    """Return for how long a worker wrote no row although it does so every second: for so long it did nothing at all."""
    pauses = []
    for worker in {row.get("worker", 0) for row in rows}:
        times = [float(row["at_s"]) for row in rows if row.get("worker", 0) == worker and "at_s" in row]
        pauses += [later - earlier - 1.0 for earlier, later in pairwise(times)]
    return max(pauses, default=None)


def _highest(rows: list[dict[str, Any]], key: str) -> float | None:
    return max((float(row[key]) for row in rows), default=None)
