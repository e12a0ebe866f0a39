"""How does our engine carry out one run? As `letta-slo verify` drives it, in a Locust process of its own."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from bench.cpu import CpuTrace
from bench.runs import Run, Stall, cpu_us_per_request
from bench.target import Load, Target
from letta_slo.drive import Fault, drive
from loadgen.plan import Arrivals, Phases, RunPlan, Sessions
from loadgen.run_folder import create
from loadgen.samples import UNSENT, Outcome


def run(
    target: Target, load: Load, folder: Path, *, arrivals: Arrivals = "constant", stall: Stall | None = None
) -> Run:
    """Drive one worker and read its run folder; raises DriveError when it does not finish."""
    plan = RunPlan(
        run_id=folder.name,
        folder=str(folder),
        seed=1,
        rates={load.operation: load.rate},
        phases=Phases(0, load.duration_s),
        letta_url=target.url,
        agents=target.agents,
        arrivals=arrivals,
        sessions=Sessions(turns=1, think_time_s=0),
    )
    made = create(folder, {"plan": plan.to_dict(), "workers": 1, "targets": {}})
    plan_file = folder / "plan.json"
    plan.write(plan_file)
    faults = () if stall is None else (Fault("stall", stall.at_s, stall.for_s, lambda: target.stall(stall.for_s)),)
    target.forget()
    traces: list[CpuTrace] = []
    with ExitStack() as stack:
        drive(plan, plan_file, faults=faults, on_start=lambda pid: traces.append(stack.enter_context(CpuTrace(pid))))
    truth, samples = target.truth(), made.samples
    return Run(
        reported_ms=(samples["end_ns"] - samples["intended_ns"]) / 1e6,
        truth=truth,
        cpu_us=cpu_us_per_request(traces[0], truth),
        bad=int(np.count_nonzero(samples["outcome"] != Outcome.OK)),
        lag_ms=(samples["start_ns"] - samples["intended_ns"]) / 1e6,
        dropped=int(np.count_nonzero(np.isin(samples["outcome"], UNSENT))),
        memory_mib=traces[0].peak_mib,
    )
