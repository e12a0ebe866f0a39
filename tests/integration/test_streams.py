"""Streams from the wire, against what the stub stamped when it wrote them."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np

from letta_slo.drive import drive
from loadgen.plan import DEFAULT_EMBEDDING, DEFAULT_MODEL, Phases, RunPlan, Sessions
from loadgen.prepare import TAG_PREFIX, create_agents
from loadgen.run_folder import RunFolder, create
from loadgen.samples import Outcome
from report.streams import streams
from testbed.process import Part, python_part, start

# A first token soon, others 5 ms apart, so that a stream takes half a second; every fourth breaks after status 200.
BEHAVIOUR = """{"service_times": {"stream": 60, "stream_token": 5}, "settings": {"reply_tokens": 40},
                "faults": [{"operation": "stream", "kind": "error_in_stream", "share": 0.25}]}"""


def run(stub: Part, path: Path) -> RunFolder:
    url = stub.announced["url"]
    agents = create_agents(url, 40, f"{TAG_PREFIX}streams", model=DEFAULT_MODEL, embedding=DEFAULT_EMBEDDING)
    plan = RunPlan(
        run_id=path.name, folder=str(path), seed=1, rates={"stream": 20.0}, phases=Phases(0, 5), letta_url=url,
        agents=tuple(agents), sessions=Sessions(turns=1),
    )  # fmt: skip
    folder = create(path, {"plan": plan.to_dict(), "workers": 1, "targets": {}})
    plan_file = path / "plan.json"
    plan.write(plan_file)
    drive(plan, plan_file)
    return folder


def test_the_first_token_is_measured_after_the_stub_wrote_it_and_an_error_in_a_stream_is_bad(tmp_path: Path) -> None:
    command = python_part("testbed.letta_stub", "--port", "0", "--control-port", "0", "--behaviour", BEHAVIOUR)
    with start("letta-stub", command, log_dir=tmp_path / "logs") as stub:
        folder = run(stub, tmp_path / "run")
        columns = httpx.get(f"{stub.announced['control']}/ledger", timeout=10).raise_for_status().json()["columns"]
    wrote_ns = {
        request_id: first_ns - arrival_ns
        for request_id, operation, arrival_ns, first_ns in zip(
            *(columns[name] for name in ("request_id", "operation", "arrival_ns", "first_ns")), strict=True
        )
        if operation == "stream" and first_ns
    }
    samples = folder.samples
    good, failed = (samples[samples["outcome"] == outcome] for outcome in (Outcome.OK, Outcome.ERROR))
    assert len(good) + len(failed) == len(samples) and len(good) > 40 and len(failed) > 5
    # The same two moments, seen from outside: sent before it arrived, read after it was written.
    measured_ns = {f"run-{one['number']}-{one['turn']}": int(one["first_ns"] - one["start_ns"]) for one in good}
    assert measured_ns.keys() == wrote_ns.keys()
    assert all(wrote_ns[key] < measured_ns[key] < wrote_ns[key] + 5e9 for key in measured_ns)
    assert set(failed["status"].tolist()) == {200} and not failed["first_ns"].any()
    (found,) = streams(folder)
    assert (found.sent, found.ended_well, found.failed_after_200) == (len(samples), len(good), len(failed))
    assert found.shaped == found.tokens_said == len(good) and found.output_tokens == 40 * len(good)
    assert np.all(folder.streams["chunks"] == 40)
