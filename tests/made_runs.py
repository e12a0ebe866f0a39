"""What does a run look like that nobody ran? Seeded run folders, made through the recorder, for tests and pictures.

Every folder says that it is made: its id begins with "made-" and its targets are stubs. No server was asked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from loadgen import schedule
from loadgen.plan import Phases, RunPlan, Sessions
from loadgen.recorder import Recorder, Sample
from loadgen.run_folder import RunFolder, append_line, create, note_event
from loadgen.samples import BRIDGE_OPERATIONS, SESSION_OPERATIONS, UNSENT, Outcome
from loadgen.streams import StreamShape

_NS = 1_000_000_000
_AGENTS = 20
_MEDIAN_MS = {
    "health": 2.0,
    "agent-create": 30.0,
    "message": 350.0,
    "stream": 420.0,
    "blocks-read": 6.0,
    "blocks-write": 9.0,
    "archival-insert": 14.0,
    "archival-search": 18.0,
    "message-list": 8.0,
    "conversation": 400.0,
    "bridge": 380.0,
    "bridge-temporary": 45.0,
}
_MIX = {
    "message": 14.0,
    "stream": 8.0,
    "blocks-read": 16.0,
    "message-list": 12.0,
    "health": 10.0,
    "bridge": 54.0,
    "bridge-temporary": 6.0,
}
_FALLBACK_AFTER_S = 1.5  # the first requests of an outage wait for their deadline before they fall back
_BREAKER_OPENS_S = 2.0
_BACK_AFTER_S = 0.7


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of a made run."""

    number: int
    operation: str
    intended_ns: int


@dataclass(frozen=True, slots=True)
class Story:
    """What happens in a made run; shares lie between 0 and 1, seconds count from the origin of the run."""

    name: str
    phases: Phases = field(default_factory=lambda: Phases(warmup_s=5, steady_s=60))
    errors_s: tuple[float, float] = (0.0, 0.0)
    error_share: float = 0.0
    slow_agent: int | None = None
    dropped_share: float = 0.0
    lag_ms: float = 0.3
    generator_cpu: float = 0.31
    steal: float = 0.0
    lost_messages: int = 0
    note: dict[str, Any] = field(default_factory=dict)


HEALTHY = Story("healthy")
DRILL = Story("drill", phases=Phases(warmup_s=5, steady_s=60, drill_s=10, recovery_s=15))
MISSES = replace(DRILL, name="misses", errors_s=(31.4, 34.1), error_share=0.8, slow_agent=7)
INVALID = Story("invalid", dropped_share=0.05, lag_ms=260.0, generator_cpu=0.99, steal=0.22)
STORIES = {story.name: story for story in (HEALTHY, DRILL, MISSES, INVALID)}


def make(directory: Path, story: Story, *, seed: int = 7, rate_factor: float = 1.0, workers: int = 2) -> RunFolder:
    """Make a run folder below `directory`; the same story and seed give the same folder, byte for byte."""
    run_id = f"made-{story.name}-{seed}"
    folder = directory / run_id
    plan = RunPlan(
        run_id=run_id,
        folder=f"runs/{run_id}",
        seed=seed,
        rates={name: rate * rate_factor for name, rate in _MIX.items()},
        phases=story.phases,
        letta_url="http://127.0.0.1:8283",
        redis_url_env="LETTA_SLO_REDIS_URL",
        agents=tuple(f"agent-made-{n}" for n in range(_AGENTS)),
        sessions=Sessions(turns=2, think_time_s=1.0),
    )
    made = create(folder, _manifest(plan, workers))
    random = np.random.default_rng(seed)
    for worker in range(workers):
        _write_worker(folder, story, list(_samples(plan, story, worker, workers, random)), worker)
    if "drill" in plan.phases.bounds_s:
        start, end = plan.phases.bounds_s["drill"]
        note_event(folder, "verify", "fault", start + 0.02, name="letta-down", duration_s=end - start)
    return made


@cache
def remembered(name: str) -> RunFolder:
    """Return the run of a story, made once in a process and read into memory; its files are gone."""
    with TemporaryDirectory() as directory:
        folder = make(Path(directory), STORIES[name])
        for read_once in ("manifest", "plan", "samples", "streams", "events", "notes", "machine", "ends"):
            getattr(folder, read_once)
    return folder


def _manifest(plan: RunPlan, workers: int) -> dict[str, Any]:
    return {
        "run_id": plan.run_id,
        "started_at": "2026-01-15T09:30:00+00:00",
        "suite_version": "0.1.0",
        "git": "0000000 (made)",
        "workers": workers,
        "tier": "small",
        "live": False,
        "plan": plan.to_dict(),
        "targets": {
            "letta-api": {"kind": "stub", "address": "http://127.0.0.1:8283", "version": "0.16.4"},
            "letta-bridge": {"kind": "stub", "address": "redis://127.0.0.1:6379", "version": "6.2.14"},
        },
        "machine": {
            "cpus": 4,
            "cpus_usable": 4,
            "memory_gib": 15.6,
            "cpu": "made for tests",
            "kernel": "6.1",
            "python": "3.11.9",
        },
        "packages": {"locust": "2.43.4", "geventhttpclient": "2.3.4", "numpy": "2.1.3", "scipy": "1.15.1"},
    }


def _samples(plan: RunPlan, story: Story, worker: int, workers: int, random: np.random.Generator) -> Iterator[Sample]:
    mine = schedule.of_plan(plan).share(worker, workers)
    for number, code, offset in zip(mine.number.tolist(), mine.scenario.tolist(), mine.offset_ns.tolist(), strict=True):
        operation = mine.scenarios[code]
        turns = plan.sessions.turns if operation in SESSION_OPERATIONS else 1
        intended_ns = offset
        for turn in range(turns):
            sample = _one(plan, story, Arrival(number, operation, intended_ns), turn, random)
            yield sample
            intended_ns = sample.end_ns + int(plan.sessions.think_time_s * _NS)
            if sample.outcome != Outcome.OK or intended_ns >= plan.phases.duration_s * _NS:
                break


def _one(plan: RunPlan, story: Story, arrival: Arrival, turn: int, random: np.random.Generator) -> Sample:
    operation, number, intended_ns = arrival.operation, arrival.number, arrival.intended_ns
    start_ns = intended_ns + int(random.lognormal(np.log(story.lag_ms), 0.5) * 1e6)
    agent = number % _AGENTS
    if turn == 0 and random.uniform() < story.dropped_share:
        return Sample(operation, number, turn, intended_ns, start_ns, start_ns, Outcome.DROPPED, agent=agent)
    service_ms = random.lognormal(np.log(_MEDIAN_MS[operation]), 0.3)
    if agent == story.slow_agent and operation in SESSION_OPERATIONS:
        service_ms *= random.choice([1.0, 7.5], p=[0.45, 0.55])
    sample = Sample(
        operation=operation,
        number=number,
        turn=turn,
        intended_ns=intended_ns,
        start_ns=start_ns,
        end_ns=start_ns + int(service_ms * 1e6),
        outcome=Outcome.OK,
        status=0 if operation in BRIDGE_OPERATIONS else 200,
        response_bytes=int(random.integers(200, 2000)),
        agent=agent,
        source="letta" if operation in BRIDGE_OPERATIONS else "",
    )
    _set_first_token(sample, random)
    _strike(plan, story, sample, service_ms, random)
    return sample


def _set_first_token(sample: Sample, random: np.random.Generator) -> None:
    if sample.operation == "stream":
        sample.first_ns = sample.start_ns + int((sample.end_ns - sample.start_ns) * random.uniform(0.3, 0.5))
        sample.tokens = int(random.integers(60, 400))
        lasted_ns = int((sample.end_ns - sample.first_ns) * 0.97)  # what a server does after the last token
        gap_ns = lasted_ns / (sample.tokens - 1)
        sample.stream = StreamShape(sample.tokens, lasted_ns, int(gap_ns * (2 + sample.tokens % 5)), tokens_said=True)


def _strike(plan: RunPlan, story: Story, sample: Sample, service_ms: float, random: np.random.Generator) -> None:
    """Let the sample meet what the story has in store: an error, an outage of Letta, or nothing."""
    at_s = sample.intended_ns / _NS
    sample.detail = dict(story.note)
    begin, end = plan.phases.bounds_s.get("drill", (0.0, 0.0))
    is_out = begin <= at_s < end + _BACK_AFTER_S and end > begin
    if story.errors_s[0] <= at_s < story.errors_s[1] and random.uniform() < story.error_share:
        _fail(sample, 500, "500 internal_error")
    elif is_out and sample.operation not in BRIDGE_OPERATIONS:
        sample.end_ns, sample.outcome, sample.status, sample.first_ns = (
            sample.start_ns + 2_000_000,
            Outcome.CONNECTION,
            0,
            0,
        )
        sample.stream = None
        sample.detail["error"] = "ConnectionRefusedError: [Errno 111] Connection refused"
    elif sample.operation in BRIDGE_OPERATIONS:
        _through_the_bridge(sample, at_s - begin if is_out else None, service_ms, random)


def _through_the_bridge(sample: Sample, outage_s: float | None, service_ms: float, random: np.random.Generator) -> None:
    stages = {"queue_wait": 0.8, "agent_lookup": 1.1, "letta_call": 0.0, "retry_wait": 0.0, "fallback": 0.0}
    attempts = 1
    if sample.operation == "bridge-temporary":
        stages["fallback"], attempts, sample.source = service_ms, 0, "memory-python"
    elif outage_s is None:
        stages["letta_call"] = service_ms - 1.9
    else:
        waits_s = _FALLBACK_AFTER_S if outage_s < _BREAKER_OPENS_S else 0.0
        stages["letta_call"], stages["retry_wait"] = waits_s * 300, waits_s * 700
        stages["fallback"] = random.lognormal(np.log(45.0), 0.3)
        sample.source, attempts = "memory-python", 3 if waits_s else 0
    total_ms = sum(stages.values())
    sample.end_ns = sample.start_ns + int(total_ms * 1e6)
    rounded = {name: round(spent, 3) for name, spent in {**stages, "total": total_ms}.items()}
    sample.detail |= {
        "task_id": f"00000000-0000-8000-8000-{sample.number:08d}{sample.turn:04d}",
        "stages_ms": rounded,
        "attempts": attempts,
        "redelivered": False,
        "agent_id": f"agent-made-{sample.agent}",
    }


def _fail(sample: Sample, status: int, error: str) -> None:
    sample.outcome, sample.status, sample.first_ns = (
        Outcome.ERROR,
        status if sample.operation not in BRIDGE_OPERATIONS else 0,
        0,
    )
    sample.end_ns, sample.stream = sample.start_ns + 12_000_000, None
    sample.detail["error"] = error


def _write_worker(folder: Path, story: Story, samples: list[Sample], worker: int) -> None:
    recorder = Recorder(folder, worker)
    ordered = sorted(samples, key=lambda sample: sample.end_ns)
    seconds = int(ordered[-1].end_ns // _NS) + 1
    random = np.random.default_rng([worker, seconds])
    at = 0
    for second in range(1, seconds + 1):
        while at < len(ordered) and ordered[at].end_ns < second * _NS:
            recorder.add(ordered[at])
            at += 1
        recorder.close_second(second)
        append_line(folder / f"machine-{worker}.jsonl", _machine_row(story, second, random))
    sent = sum(sample.operation in BRIDGE_OPERATIONS and sample.outcome not in UNSENT for sample in samples)
    ledger = {"answered": sent, "sent": sent, "late": 0, "duplicates": 0, "unknown": 0, "foreign": 0}
    ledger |= {"lost": story.lost_messages if worker == 0 else 0, "listener_gaps": 0}
    recorder.finish(seconds + 1, arrivals_started=sum(sample.turn == 0 for sample in samples), bridge=ledger)


def _machine_row(story: Story, second: int, random: np.random.Generator) -> dict[str, Any]:
    jitter = float(random.uniform(-0.04, 0.01))
    return {
        "offset_s": second,
        "generator_cpu": round(story.generator_cpu + jitter, 4),
        "machine_cpu": round(min(1.0, story.generator_cpu * 0.9 + 0.1 + jitter), 4),
        "steal": round(max(0.0, story.steal + jitter / 4), 4),
        "load1": 1.2,
        "rss_mib": 96.0,
    }


if __name__ == "__main__":
    for each in STORIES.values():
        make(Path(sys.argv[1]), each)
