"""How far is the measured time to first token from what the stub stamped when it wrote that token?

Poisson streams at a few rates, each with 24 tokens 10 ms apart. The stub's own time runs from the arrival of the
request at its door to the moment before it writes the first content; ours from the send to the moment at which that
content was read. The difference is what the generator, the loopback and the stub's door add.
"""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import numpy as np

from bench import machine
from bench.figures import Floats, Spread, percentiles, table
from bench.target import AGENTS
from letta_slo.drive import drive
from loadgen.plan import DEFAULT_EMBEDDING, DEFAULT_MODEL, Phases, RunPlan, Sessions
from loadgen.prepare import TAG_PREFIX, create_agents
from loadgen.run_folder import RunFolder, create
from loadgen.samples import Outcome
from testbed.process import Part, python_part, start

_RATES = (5.0, 20.0, 50.0)
_DURATION_S = 10.0
_REPETITIONS = 3
_BEHAVIOUR = json.dumps({"service_times": {"stream": {"constant_ms": 150}, "stream_token": {"constant_ms": 10}}})


def run(folder: Path) -> None:
    """Measure and print."""
    print(f"repetitions: {_REPETITIONS}, each {_DURATION_S:g} s a rate; measured minus stamped in ms")
    seen: dict[float, list[Floats]] = {rate: [] for rate in _RATES}
    for repetition in range(_REPETITIONS):
        print(f"repetition {repetition + 1}: load {machine.load()}", flush=True)
        for rate in _RATES:
            seen[rate].append(_one(rate, folder / f"{rate:g}-{repetition}"))
    head = ("streams /s", "p50 ms", "p95 ms", "p99 ms", "streams", "measured before stamped")
    print(table(head, [_row(rate, runs) for rate, runs in seen.items()]))


def _one(rate: float, folder: Path) -> Floats:
    """Return measured minus stamped, in milliseconds, for every stream that ended well."""
    command = python_part("testbed.letta_stub", "--port", "0", "--control-port", "0", "--behaviour", _BEHAVIOUR)
    with start("letta-stub", command, log_dir=folder.with_name(f"{folder.name}-logs")) as stub:
        samples = _drive(stub, rate, folder).samples
        stamped_ns = _stamped_ns(stub)
    good = samples[samples["outcome"] == Outcome.OK]
    if len(good) < len(samples):
        print(f"not good: {len(samples) - len(good)} of {len(samples)}")
    keys = [f"{folder.name}-{one['number']}-{one['turn']}" for one in good]
    measured_ns = good["first_ns"] - good["start_ns"]
    return np.asarray((measured_ns - np.array([stamped_ns[key] for key in keys])) / 1e6, np.float64)


def _drive(stub: Part, rate: float, folder: Path) -> RunFolder:
    url = str(stub.announced["url"])
    agents = create_agents(url, AGENTS, f"{TAG_PREFIX}bench", model=DEFAULT_MODEL, embedding=DEFAULT_EMBEDDING)
    plan = RunPlan(
        run_id=folder.name, folder=str(folder), seed=1, rates={"stream": rate}, phases=Phases(0, _DURATION_S),
        letta_url=url, agents=tuple(agents), sessions=Sessions(turns=1),
    )  # fmt: skip
    made = create(folder, {"plan": plan.to_dict(), "workers": 1, "targets": {}})
    plan_file = folder / "plan.json"
    plan.write(plan_file)
    drive(plan, plan_file)
    return made


def _stamped_ns(stub: Part) -> dict[str, int]:
    """Return by request id how long the stub took from the arrival to the first content."""
    columns = httpx.get(f"{stub.announced['control']}/ledger", timeout=30.0).raise_for_status().json()["columns"]
    rows = zip(*(columns[name] for name in ("request_id", "arrival_ns", "first_ns")), strict=True)
    return {request_id: first_ns - arrival_ns for request_id, arrival_ns, first_ns in rows if first_ns}


def _row(rate: float, runs: list[Floats]) -> tuple[str, ...]:
    spreads = (Spread.of(values).text(2) for values in zip(*(percentiles(one) for one in runs), strict=True))
    early = sum(int(np.count_nonzero(one < 0)) for one in runs)
    return (f"{rate:g}", *spreads, f"{sum(map(len, runs)):,}", str(early))
