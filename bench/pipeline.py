"""What is lost of the telemetry that the collector acknowledged, with queues on disk and in memory?

200 spans, log records and samples a second for a minute, through the collector with the gateway's configuration,
before doubles of APM, LTS and IAM and a real Prometheus behind AOM's door.
"""

from __future__ import annotations

from pathlib import Path

from bench import machine
from bench.figures import table
from testbed.pipeline.faults import FAULTS, Fault
from testbed.pipeline.trial import Outcome, trial

_PER_S = 200.0
_SECONDS = 60.0
_WINDOW_S = 10.0  # as gateway.yaml has it


def run(folder: Path) -> None:
    """Measure and print."""
    print(f"repetitions: 1, {_PER_S:g} of each kind a second for {_SECONDS:g} s, half of which something goes wrong")
    rows = []
    for fault in FAULTS:
        for is_persistent in (True, False):
            where = "on disk" if is_persistent else "in memory"
            if fault.disk_mib is not None and not is_persistent:
                continue  # a queue in memory has no disk to be full
            print(f"{fault.name}, queues {where}: load {machine.load()}", flush=True)
            place = folder / f"{len(rows)}"
            outcome = trial(place, fault, seconds=_SECONDS, per_s=_PER_S, is_persistent=is_persistent)
            rows.append(_row(fault, where, outcome))
    print(f"{FAULTS[0].name}, with sampling: load {machine.load()}", flush=True)
    sampled = trial(folder / "sampled", FAULTS[0], seconds=_SECONDS, per_s=_PER_S, window_s=_WINDOW_S)
    rows.append(_row(FAULTS[0], f"on disk, window {_WINDOW_S:g} s", sampled))
    head = ("what goes wrong", "queues", "spans", "lines", "samples", "refused requests")
    print("each: acknowledged / of these lost / came twice")
    print(table(head, rows))


def _row(fault: Fault, where: str, outcome: Outcome) -> tuple[str, ...]:
    cells = [
        f"{one.acknowledged:,} / {one.lost:,} / {'–' if one.duplicates is None else f'{one.duplicates:,}'}"
        for one in outcome.accounts
    ]
    return (fault.name, where, *cells, f"{outcome.refusals:,}")
