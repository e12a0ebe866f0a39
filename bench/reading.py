"""How much time and memory does it take to judge a run, up to an hour at 2,000 requests a second?

What is judged, by `letta-slo gate`, is made: nothing was driven. Peak memory is that of the whole process, as the
kernel counts it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bench.figures import table
from loadgen import schedule
from loadgen.plan import Phases, RunPlan, Sessions
from loadgen.run_folder import append_line, create
from loadgen.samples import OPERATIONS, RECORD, Outcome, frame
from loadgen.streams import STREAM, STREAMS

_LENGTHS_S = (60, 600, 3_600)
_RATES = {"health": 840.0, "message": 1_000.0, "stream": 160.0}
_NS = 1_000_000_000
_BAD_SHARE = 0.0005


def run(folder: Path) -> None:
    """Make each run, judge it in a process of its own, and print."""
    print(f"repetitions: 1; made samples, {sum(_RATES.values()):g} a second")
    rows = []
    for length_s in _LENGTHS_S:
        path = folder / f"made-{length_s}"
        count = _make(path, length_s)
        size_mib = sum(file.stat().st_size for file in path.glob("*.bin")) / 2**20
        seconds, peak_mib = _gate(path)
        row = (f"{length_s:,} s", f"{count:,}", f"{size_mib:,.0f}", f"{peak_mib:,.0f}", f"{seconds:.1f}")
        rows.append((*row, f"{peak_mib * 2**20 / count:,.0f}"))
    print(table(("run of", "samples", "on disk MiB", "peak MiB", "seconds", "bytes a sample at the peak"), rows))


def _make(path: Path, length_s: int) -> int:
    """Make a run folder of that length; return its number of samples."""
    plan = RunPlan(
        run_id=path.name, folder=".", seed=1, rates=_RATES, phases=Phases(0, length_s), arrivals="constant",
        letta_url="http://127.0.0.1:8283", agents=("agent-made",), sessions=Sessions(turns=1),
    )  # fmt: skip
    targets = {"letta-api": {"kind": "stub", "address": "made", "version": "made"}}
    create(path, {"run_id": path.name, "plan": plan.to_dict(), "workers": 1, "targets": targets})
    whole, random = schedule.of_plan(plan), np.random.default_rng(1)
    codes = np.array([OPERATIONS.index(name) for name in whole.scenarios], np.uint8)
    edges = np.searchsorted(whole.offset_ns, np.arange(1, length_s + 1) * _NS)
    streamed = 0
    for second, (first, last) in enumerate(zip([0, *edges[:-1]], edges, strict=True)):
        made = _records(
            whole.offset_ns[first:last], whole.number[first:last], codes[whole.scenario[first:last]], random
        )
        streams = _streams(made)
        streamed += len(streams)
        for name, data in (("samples", frame(second, made)), ("streams", frame(second, streams, STREAMS))):
            with (path / f"{name}-0.bin").open("ab") as file:
                file.write(data)
        row = {"worker": 0, "offset_s": second + 1, "at_s": second + 1.0, "generator_cpu": 0.5, "machine_cpu": 0.5}
        append_line(path / "machine-0.jsonl", {**row, "steal": 0.0, "load1": 1.0, "rss_mib": 100.0})
    end = {"worker": 0, "samples": len(whole), "streams": streamed, "counts": {}, "notes_left_out": 0}
    (path / "end-0.json").write_text(json.dumps(end))
    return len(whole)


def _records(
    due_ns: np.ndarray[tuple[int], np.dtype[np.int64]],
    number: np.ndarray[tuple[int], np.dtype[np.int64]],
    operation: np.ndarray[tuple[int], np.dtype[np.uint8]],
    random: np.random.Generator,
) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    made = np.zeros(len(due_ns), RECORD)
    made["intended_ns"], made["number"], made["operation"] = due_ns, number, operation
    made["start_ns"] = due_ns + random.integers(10_000, 200_000, len(due_ns))
    made["end_ns"] = made["start_ns"] + (random.lognormal(np.log(350e6), 0.4, len(due_ns))).astype(np.int64)
    is_stream = operation == OPERATIONS.index("stream")
    made["first_ns"] = np.where(is_stream, (made["start_ns"] + made["end_ns"]) // 2, 0)
    made["status"], made["tokens"] = 200, np.where(is_stream, 24, 0)
    made["outcome"] = np.where(random.uniform(size=len(due_ns)) < _BAD_SHARE, Outcome.TIMEOUT, Outcome.OK)
    return made


def _streams(made: np.ndarray[tuple[int], np.dtype[np.void]]) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    of_streams = made[made["first_ns"] > 0]
    streams = np.zeros(len(of_streams), STREAM)
    streams["number"], streams["chunks"], streams["tokens_said"] = of_streams["number"], 24, 1
    streams["lasted_ns"] = of_streams["end_ns"] - of_streams["first_ns"]
    streams["longest_gap_ns"] = streams["lasted_ns"] // 10
    return streams


def _gate(path: Path) -> tuple[float, float]:
    """Judge the folder; return seconds of the whole command, and its peak memory in MiB."""
    command = [str(Path(sys.executable).with_name("letta-slo")), "gate", str(path)]
    began_s = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    print(f"{path.name}: exit {process.returncode}")
    return time.monotonic() - began_s, usage.ru_maxrss / 1024
