"""What do 50, 500 and 2,000 requests a second through Redis do to the generator, and to the reference bridge?

First an echo in the bridge's place, so that only the generator and Redis work; then the reference bridge with the
Letta stub behind it, one and two of them. Everything shares this machine: the CPU of each part is read from outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import machine
from bench.cpu import CpuTrace
from bench.figures import percentiles, table
from letta_slo.drive import DriveError, drive
from loadgen.introduce import introduce
from loadgen.plan import REDIS_VARIABLE, Phases, RunPlan, Sessions
from loadgen.run_folder import RunFolder, create
from loadgen.samples import SOURCES, UNSENT, Outcome
from report.judge import judge
from slo.catalog import load
from slo.verdict import Verdict
from testbed.embedded import EmbeddedTestbed
from testbed.embedded_redis import EmbeddedRedis
from testbed.process import python_part, start

_WARMUP_S = 5.0  # as letta-slo verify has it
_DURATION_S = 60.0
_LEAST_USERS = 1000


@dataclass(frozen=True, slots=True)
class Served:
    """A system that answers: where its Redis is, and the process ids of its parts."""

    redis_url: str
    pids: Mapping[str, int]


def run(folder: Path) -> None:
    """Measure and print."""
    print(f"repetitions: 1, each {_DURATION_S:g} s after a warm-up of {_WARMUP_S:g} s; CPU in cores of each process")
    rows = []
    with _echo(folder / "echo") as served:
        rows.append(_row("echo", served, 2000, folder / "echo-2000"))
    for rate in (50, 500, 2000):
        for bridges in (1, 2) if rate == 2000 else (1,):
            name = f"{bridges} bridge{'s' if bridges > 1 else ''}"
            with _bridges(folder / f"parts-{bridges}-{rate}", bridges) as served:
                rows.append(_row(name, served, rate, folder / f"{bridges}-{rate}"))
    figures = (
        "of all replied under 2 s %",
        "by Letta %",
        "lost",
        "answered /s",
        "p50 / p95 / p99 ms",
        "lag p99 ms",
        "CPU",
    )
    head = ("through", "rate /s", "run", "sent", *figures)
    print(table(head, rows))


@contextmanager
def _echo(folder: Path) -> Iterator[Served]:
    with (
        EmbeddedRedis(folder) as redis,
        start("echo", python_part("bench._echo_bridge", redis.url), log_dir=folder) as echo,
    ):
        yield Served(redis.url, {"echo": echo.pid, "Redis": redis.pid})


@contextmanager
def _bridges(folder: Path, count: int) -> Iterator[Served]:
    with EmbeddedTestbed(folder, bridges=count, has_llm=False) as bed:
        names = ["bridge", *(f"bridge-{number}" for number in range(2, count + 1))]
        parts = {name: bed.part(name).pid for name in [*names, "letta-stub", "memory-python"]}
        yield Served(bed.redis.url, {**parts, "Redis": bed.redis.pid})


def _row(name: str, served: Served, rate: float, folder: Path) -> tuple[str, ...]:
    print(f"{name}, {rate:g} /s: load {machine.load()}", flush=True)
    run_folder, cpu = _drive(served, rate, folder)
    every = run_folder.samples
    samples = every[every["intended_ns"] >= _WARMUP_S * 1e9]
    sent = samples[~np.isin(samples["outcome"], UNSENT)]
    response_s = (sent["end_ns"] - sent["intended_ns"]) / 1e9
    ok = sent["outcome"] == Outcome.OK
    lag_ms = (sent["start_ns"] - sent["intended_ns"]) / 1e6
    lost = sum(end.get("bridge", {}).get("lost", 0) for end in run_folder.ends)
    catalogue = load()
    judged = judge(run_folder, catalogue)
    limit_s = catalogue.objective("bridge-response-time").samples.limit_s
    in_time = ok & (response_s < float(limit_s or 0))
    for reason in judged.invalid:
        print(f"  invalid: {reason.sentence} ({reason.culprit})")
    answered = float(np.count_nonzero(ok)) / max(1e-9, float(sent["end_ns"].max()) / 1e9 - _WARMUP_S)
    return (
        name,
        f"{rate:g}",
        "invalid" if judged.verdict is Verdict.INVALID_RUN else "valid",
        f"{len(sent):,} of {len(samples):,}",
        f"{np.count_nonzero(in_time) / len(samples) * 100:.2f}",
        f"{np.mean(sent['source'][ok] == SOURCES.index('letta')) * 100:.1f}",
        f"{lost:,}",
        f"{answered:,.0f}",
        " / ".join(f"{value * 1e3:,.0f}" for value in percentiles(response_s[ok])),
        f"{percentiles(lag_ms)[-1]:.2f}",
        ", ".join(f"{part} {cores:.2f}" for part, cores in cpu.items()),
    )


def _drive(served: Served, rate: float, folder: Path) -> tuple[RunFolder, dict[str, float]]:
    """Drive one worker, and return its run folder and how many cores each part used while the load lasted."""
    users = max(_LEAST_USERS, 2 * int(rate))
    plan = _plan(rate, users, folder)
    introduce(served.redis_url, plan.user_ids)
    plan_file = _made(plan) / "plan.json"
    traces: dict[str, CpuTrace] = {}
    origin_ns: list[int] = []
    with ExitStack() as stack:

        def trace(part: str, pid: int) -> None:
            traces[part] = stack.enter_context(CpuTrace(pid))

        for part, pid in served.pids.items():
            trace(part, pid)
        try:
            drive(
                plan,
                plan_file,
                env={REDIS_VARIABLE: served.redis_url},
                on_start=lambda pid: trace("generator", pid),
                on_progress=lambda watch: origin_ns.append(watch.origin_ns),
            )
        except DriveError as error:
            print(f"  {error}")
    from_ns, to_ns = (origin_ns[-1] + int(offset_s * 1e9) for offset_s in (_WARMUP_S, _WARMUP_S + _DURATION_S))
    cores = {part: trace.used_s(from_ns, to_ns) / _DURATION_S for part, trace in traces.items()}
    return RunFolder(folder), cores


def _plan(rate: float, users: int, folder: Path) -> RunPlan:
    return RunPlan(
        run_id=folder.name,
        folder=str(folder),
        seed=1,
        rates={"bridge": rate},
        phases=Phases(_WARMUP_S, _DURATION_S),
        redis_url_env=REDIS_VARIABLE,
        users=users,
        sessions=Sessions(turns=1, think_time_s=0),
    )


def _made(plan: RunPlan) -> Path:
    described = {"letta-bridge": {"kind": "stub", "address": "", "version": ""}}
    made = create(Path(plan.folder), {"plan": plan.to_dict(), "workers": 1, "targets": described})
    plan.write(made.path / "plan.json")
    return made.path
