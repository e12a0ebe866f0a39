"""What do the steps of a search look like that nobody drove? Run folders of a simulated queue of known capacity.

So many servers take requests in the order of their arrival, each for the same time: they answer servers / service_s a
second and no more. Every folder says that it is made and that its target is a stub. No server was asked.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadgen import schedule
from loadgen.plan import Phases, RunPlan, Sessions
from loadgen.run_folder import RunFolder, create
from loadgen.samples import OPERATIONS, RECORD, Outcome, frame

_NS = 1e9


def departures_s(arrivals_s: NDArray[np.float64], *, servers: int, service_s: float) -> NDArray[np.float64]:
    """Return when each request leaves a queue with constant service times.

    The request after `servers` others gets the server of the first of them: d_i = max(a_i, d_(i - servers)) + service.
    """
    left = np.empty_like(arrivals_s)
    for server in range(servers):
        came = arrivals_s[server::servers]
        place = np.arange(came.size)
        left[server::servers] = service_s * (place + 1) + np.maximum.accumulate(came - service_s * place)
    return left


def made_step(
    directory: Path,
    number: int,
    rate: float,
    *,
    steady_s: float = 60.0,
    servers: int = 4,
    service_s: float = 0.05,
    lag_s: float = 0.0002,
    slow_share: float = 0.0,
    unsent_share: float = 0.0,
) -> RunFolder:
    """Make the run folder of a step that sends messages to a simulated queue.

    A large lag makes it invalid; a share of the messages takes 3 s longer than the queue itself, and a share finds no
    free agent.
    """
    plan = RunPlan(
        run_id=f"made-step{number:02d}",
        folder=".",
        seed=number,
        rates={"message": rate},
        phases=Phases(5.0, steady_s),
        letta_url="http://127.0.0.1:8283",
        agents=tuple(f"agent-made-{n}" for n in range(20)),
        sessions=Sessions(turns=1, think_time_s=0.0),
    )
    due_ns = schedule.of_plan(plan).offset_ns
    records = np.zeros(len(due_ns), RECORD)
    records["intended_ns"], records["start_ns"] = due_ns, due_ns + int(lag_s * _NS)
    ended_s = departures_s(records["start_ns"] / _NS, servers=servers, service_s=service_s)
    ended_s += 3.0 * (np.random.default_rng(number).uniform(size=len(due_ns)) < slow_share)
    records["end_ns"] = (ended_s * _NS).astype(np.int64)
    records["number"] = np.arange(len(due_ns))
    records["operation"] = OPERATIONS.index("message")
    records["status"] = 200
    is_unsent = np.random.default_rng(number + 1).uniform(size=len(due_ns)) < unsent_share
    records["outcome"][is_unsent] = Outcome.NO_FREE_AGENT
    folder = create(directory / "steps" / f"{number:02d}", _manifest(plan))
    (folder.path / "samples-0.bin").write_bytes(frame(0, records.tobytes()))
    (folder.path / "end-0.json").write_text(json.dumps({"worker": 0, "samples": len(records)}))
    return folder


def _manifest(plan: RunPlan) -> dict[str, object]:
    target = {"kind": "stub", "address": "http://127.0.0.1:8283", "version": "0.16.4"}
    return {
        "run_id": plan.run_id,
        "workers": 1,
        "tier": "small",
        "plan": plan.to_dict(),
        "targets": {"letta-api": target},
    }
