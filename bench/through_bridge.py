"""How is a bridge driven for a measurement, and what does each part of the system use meanwhile?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cpu import CpuTrace
from letta_slo.drive import DriveError, drive
from loadgen.introduce import introduce
from loadgen.plan import REDIS_VARIABLE, Phases, RunPlan, Sessions
from loadgen.run_folder import RunFolder, create
from testbed.embedded import EmbeddedTestbed

WARMUP_S = 5.0  # as letta-slo verify has it
_LEAST_USERS = 1000


@dataclass(frozen=True, slots=True)
class Served:
    """A system that answers: where its Redis is, and the process ids of its parts."""

    redis_url: str
    pids: Mapping[str, int]


@contextmanager
def reference_bridges(folder: Path, count: int) -> Iterator[Served]:
    """Start so many reference bridges with a Letta stub behind them."""
    with EmbeddedTestbed(folder, bridges=count, has_llm=False) as bed:
        names = ["bridge", *(f"bridge-{number}" for number in range(2, count + 1))]
        parts = {name: bed.part(name).pid for name in [*names, "letta-stub", "memory-python"]}
        yield Served(bed.redis.url, {**parts, "Redis": bed.redis.pid})


def drive_for(duration_s: float, served: Served, rate: float, folder: Path) -> tuple[RunFolder, dict[str, float]]:
    """Drive one worker, and return its run folder and how many cores each part used while the load lasted."""
    users = max(_LEAST_USERS, 2 * int(rate))
    plan = _plan(duration_s, rate, users, folder)
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
    from_ns, to_ns = (origin_ns[-1] + int(offset_s * 1e9) for offset_s in (WARMUP_S, WARMUP_S + duration_s))
    cores = {part: trace.used_s(from_ns, to_ns) / duration_s for part, trace in traces.items()}
    return RunFolder(folder), cores


def _plan(duration_s: float, rate: float, users: int, folder: Path) -> RunPlan:
    return RunPlan(
        run_id=folder.name,
        folder=str(folder),
        seed=1,
        rates={"bridge": rate},
        phases=Phases(WARMUP_S, duration_s),
        redis_url_env=REDIS_VARIABLE,
        users=users,
        sessions=Sessions(turns=1, think_time_s=0),
    )


def _made(plan: RunPlan) -> Path:
    described = {"letta-bridge": {"kind": "stub", "address": "", "version": ""}}
    made = create(Path(plan.folder), {"plan": plan.to_dict(), "workers": 1, "targets": described})
    plan.write(made.path / "plan.json")
    return made.path
