"""What would a Locust user write for a constant rate? FastHttpUser and `constant_throughput`; a locustfile."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import orjson
from locust import FastHttpUser, constant_throughput, events, task
from locust.env import Environment

from bench.figures import PERCENTILES
from bench.names import AGENTS_VARIABLE, PER_USER, RESULT_VARIABLE
from loadgen.payload import Payload

_AGENTS = itertools.cycle(json.loads(Path(os.environ[AGENTS_VARIABLE]).read_text()))
_PAYLOAD = Payload(1, 100)
_response_ms: list[float] = []


class HealthUser(FastHttpUser):
    """Asks for the server's health, and reads the answer as our scenario does."""

    wait_time = constant_throughput(PER_USER)

    @task
    def health(self) -> None:
        """GET /v1/health/."""
        orjson.loads(self.client.get("/v1/health/").content)


class MessageUser(FastHttpUser):
    """Says something to an agent of its own, and reads the answer as our scenario does."""

    wait_time = constant_throughput(PER_USER)

    def on_start(self) -> None:
        """Take an agent."""
        self.path = f"/v1/agents/{next(_AGENTS)}/messages"
        self.sent = 0

    @task
    def message(self) -> None:
        """POST /v1/agents/{id}/messages."""
        self.sent += 1
        body = {"messages": [{"role": "user", "content": _PAYLOAD.text(self.sent)}]}
        orjson.loads(self.client.post(self.path, json=body, name="message").content)


def _keep(response_time: float, **_: Any) -> None:
    _response_ms.append(response_time)


def _write(environment: Environment, **_: Any) -> None:
    total = environment.stats.total
    rounded = {percentile: total.get_response_time_percentile(percentile / 100) for percentile in PERCENTILES}
    result = {"response_ms": _response_ms, "rounded_ms": rounded, "failures": total.num_failures}
    Path(os.environ[RESULT_VARIABLE]).write_text(json.dumps(result))


events.request.add_listener(_keep)  # type: ignore[no-untyped-call]  # Locust's hooks carry no annotations
events.quitting.add_listener(_write)  # type: ignore[no-untyped-call]  # as above
