"""What do both tools measure, and what does it know itself? The Letta stub (a test double) and its own ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import numpy as np
from numpy.typing import NDArray

from bench.figures import Floats
from loadgen.plan import DEFAULT_EMBEDDING, DEFAULT_MODEL
from loadgen.prepare import TAG_PREFIX, create_agents
from testbed.process import python_part, start

SERVICE_MS = 20.0  # constant, so that every wait beyond it is a queue's, a stall's, or the tool's own
AGENTS = 100
_FIRST_ARRIVAL_S = 30.0

Operation = Literal["health", "message"]


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: one operation, at a rate a second, for so long."""

    operation: Operation
    rate: float
    duration_s: float

    @property
    def arrivals(self) -> int:
        """How many requests a constant grid has."""
        return round(self.rate * self.duration_s)


@dataclass(frozen=True, slots=True)
class Truth:
    """What the target saw of one run: times of CLOCK_MONOTONIC in nanoseconds, requests it answered only."""

    arrival_ns: NDArray[np.int64]
    completion_ns: NDArray[np.int64]

    @property
    def response_ms(self) -> Floats:
        """How long the target took, from the arrival at its door."""
        return (self.completion_ns - self.arrival_ns) / 1e6

    @property
    def lasted_s(self) -> float:
        """How long requests kept coming: Locust counts its run time from before its users are there."""
        return float(self.arrival_ns.max() - self.arrival_ns.min()) / 1e9

    def answered(self, from_ns: int, to_ns: int) -> int:
        """How many requests it answered in this time."""
        return int(np.count_nonzero((self.completion_ns >= from_ns) & (self.completion_ns < to_ns)))


@dataclass(frozen=True, slots=True)
class Target:
    """A running stub; a run begins with `forget` and ends with `truth`."""

    url: str
    agents: tuple[str, ...]
    _control: httpx.Client

    def forget(self) -> None:
        """Empty the ledger."""
        self._control.delete("/ledger").raise_for_status()

    def stall(self, for_s: float) -> None:
        """Stand still from now."""
        self._control.post("/stall", json={"for_s": for_s}).raise_for_status()

    def wait_for_first_arrival(self) -> None:
        """Return when the first request after `forget` has come; raises TimeoutError after half a minute."""
        give_up = time.monotonic() + _FIRST_ARRIVAL_S
        while not self._control.get("/ledger/counters").json()["requests"]:
            if time.monotonic() > give_up:
                raise TimeoutError(f"no request came within {_FIRST_ARRIVAL_S:g} s")
            time.sleep(0.02)  # the ledger tells only when asked

    def truth(self) -> Truth:
        """Read the ledger."""
        columns = self._control.get("/ledger").json()["columns"]
        arrival = np.array(columns["arrival_ns"], dtype=np.int64)
        completion = np.array(columns["completion_ns"], dtype=np.int64)
        done = completion > 0
        return Truth(arrival[done], completion[done])


@contextmanager
def letta_stub(folder: Path) -> Iterator[Target]:
    """Run a stub of constant service time with agents on it."""
    times = {name: {"constant_ms": SERVICE_MS} for name in ("health", "messages")}
    behaviour = json.dumps({"service_times": times})
    command = python_part("testbed.letta_stub", "--port", "0", "--control-port", "0", "--behaviour", behaviour)
    with start("letta-stub", command, log_dir=folder) as part:
        url = str(part.announced["url"])
        agents = create_agents(url, AGENTS, f"{TAG_PREFIX}bench", model=DEFAULT_MODEL, embedding=DEFAULT_EMBEDDING)
        with httpx.Client(base_url=str(part.announced["control"]), timeout=30.0, trust_env=False) as control:
            yield Target(url, agents, control)
