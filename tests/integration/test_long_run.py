"""Runs of hours: what is kept of a request is on disk, and what stays in memory does not grow with them."""

from __future__ import annotations

import gc
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from loadgen.locust_memory import forget
from loadgen.plan import Phases, RunPlan
from loadgen.recorder import Recorder, Sample
from loadgen.run_folder import RunFolder, create
from loadgen.samples import Outcome
from loadgen.streams import StreamShape

_NS = 1_000_000_000
_SECONDS, _RATE = 3_600, 200  # an hour at 200 a second
_WARM_S = 300
_GROWTH_MIB = 20.0
_MIX = ("message", "stream", "blocks-read", "health", "bridge")


def a_sample(number: int) -> Sample:
    """Return request `number` of the hour: of all operations in turn, one of 500 bad, and streams with their chunks."""
    operation = _MIX[number % len(_MIX)]
    due_ns = number * (_NS // _RATE)
    outcome = Outcome.TIMEOUT if number % 500 == 0 else Outcome.OK
    detail: dict[str, object] = {"task_id": f"task-{number}"} if operation == "bridge" else {}
    is_stream = operation == "stream"
    shape = StreamShape(24, 230_000_000, 12_000_000, tokens_said=True) if is_stream else None
    return Sample(
        operation, number, 0, due_ns, due_ns + 100_000, due_ns + 80_000_000 + number % 1_000, outcome,
        first_ns=due_ns + 30_000_000 if is_stream else 0, status=200, response_bytes=512, tokens=24, stream=shape,
        agent=number % 1_000, detail=detail,
    )  # fmt: skip


def rss_mib() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 2**20


def test_an_hour_at_200_a_second_goes_through_the_recorder_exactly_and_leaves_memory_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run"
    plan = RunPlan("r", str(path), 1, {"health": float(_RATE)}, Phases(0, _SECONDS))
    create(path, {"plan": plan.to_dict(), "workers": 1, "targets": {}})
    recorder, warm_mib = Recorder(path, worker=0), 0.0
    for second in range(_SECONDS):
        for number in range(second * _RATE, (second + 1) * _RATE):
            recorder.add(a_sample(number))
        recorder.close_second(second)
        if second == _WARM_S:
            warm_mib = rss_mib()
    grown_mib = rss_mib() - warm_mib
    recorder.finish(_SECONDS)
    assert grown_mib < _GROWTH_MIB

    folder, total = RunFolder(path), _SECONDS * _RATE
    (end,) = folder.ends
    assert end["samples"] == len(folder.samples) == total == 720_000
    assert end["streams"] == len(folder.streams) == total // len(_MIX)
    assert np.array_equal(folder.samples["number"], np.arange(total))
    assert folder.samples["end_ns"][719_999] == a_sample(719_999).end_ns
    expected = Counter((_MIX[number % 5], "timeout" if number % 500 == 0 else "ok") for number in range(total))
    assert {(name, how): count for name, counts in end["counts"].items() for how, count in counts.items()} == expected


@dataclass
class Entry:
    """An entry of Locust's statistics."""

    num_reqs_per_sec: dict[int, int] = field(default_factory=dict)
    num_fail_per_sec: dict[int, int] = field(default_factory=dict)


def test_locust_s_counts_by_the_second_are_kept_for_a_minute_only() -> None:
    entry = Entry(dict.fromkeys(range(3600), 1), {10: 1, 3_599: 2})
    forget([entry], before_s=3_540.0)
    assert list(entry.num_reqs_per_sec) == list(range(3_540, 3_600))
    assert entry.num_fail_per_sec == {3_599: 2}
