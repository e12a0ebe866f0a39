"""`--telemetry`: a collector behind what is started here, and what became of the traces of a run's slow requests.

The collector is ours with its committed configuration and no sampling; behind it stand doubles of Huawei Cloud and a
real Prometheus. What is written down (`telemetry.json`) is what arrived at the double of APM.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loadgen.run_folder import RunFolder, write_telemetry
from loadgen.samples import UNSENT
from loadgen.traces import trace_id
from testbed.pipeline.live import LiveCheckReceiver
from testbed.pipeline.rig import UNSAMPLED, Pipeline
from testbed.real_letta.telemetry import with_addon

_SOON: Final = {"OTEL_METRIC_EXPORT_INTERVAL": "5000"}
_SETTLE_S: Final = 20.0
_EVERY_S: Final = 0.5
_QUIET_S: Final = 7.0  # longer than the pause between two sendings of a process, and the collector's second
_OWN_LOGS: Final = "^(letta_otel|testbed[.]bridge)"
_NAMES_OF_UNSENT: Final = frozenset(one.name.lower() for one in UNSENT)


@dataclass(frozen=True, slots=True)
class Expected:
    """Names of which each must come from what is driven, so that a check of nothing is none that passes."""

    metrics: tuple[str, ...]
    spans: tuple[str, ...]


OF_BRIDGE: Final = Expected(
    (
        "letta.bridge.requests",
        "letta.bridge.response.duration",
        "letta.bridge.queue.wait",
        "letta.bridge.queue.depth",
        "letta.bridge.stage.duration",
        "process.memory.usage",
    ),
    ("letta.bridge.process", "letta.bridge.call", "letta.bridge.send"),
)
OF_LETTA: Final = Expected(
    (
        "http.server.request.duration",
        "gen_ai.client.operation.duration",
        "letta.step.duration",
        "db.client.operation.duration",
        "process.memory.usage",
    ),
    ("letta.server.request", "letta.model.call", "letta.db.statement"),
)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The way of telemetry beside a run: what to ask at its end, and of what something must have come."""

    pipeline: Pipeline
    check: LiveCheckReceiver
    expected: Expected

    @property
    def of_bridge(self) -> dict[str, str]:
        """With which variables a bridge sends here."""
        return {**_SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": self.pipeline.collector.http_endpoint}

    @property
    def of_letta(self) -> dict[str, str]:
        """With which variables a real Letta loads the add-on and sends here."""
        return {**_SOON, **with_addon(self.pipeline.collector.grpc_endpoint)}


@contextmanager
def collecting(place: Path, expected: Expected, say: Callable[[str], None]) -> Iterator[Telemetry]:
    """Start doubles and collector; raises PartError, also when no collector was built."""
    say("starting the collector, doubles of Huawei Cloud and a Prometheus")
    with LiveCheckReceiver() as check:
        configs = (*UNSAMPLED, check.config(place / "collector"))
        with Pipeline(place / "collector", configs=configs, environ={"LOG_SCOPES": _OWN_LOGS}) as pipeline:
            pipeline.keep_traces()
            yield Telemetry(pipeline, check, expected)


def write_down(folder: RunFolder, telemetry: Telemetry | None, trace_url: str, origin_unix_ns: int | None) -> None:
    """Write the spans of the run's noted requests, and what the live check found, into the run folder.

    Without a collector of ours the report links to traces by `trace_url`, and can show no spans.
    """
    ids = [
        trace_id(f"{folder.plan.run_id}-{int(note['number'])}-{int(note['turn'])}")
        for note in folder.notes
        if note["outcome"] not in _NAMES_OF_UNSENT
    ]
    told: dict[str, Any] = {"trace_url": trace_url, "origin_unix_ns": origin_unix_ns, "spans": None, "live_check": None}
    if telemetry is not None:
        told["spans"] = _settled(telemetry, ids)
        expected = telemetry.expected
        findings = telemetry.check.findings(expected_metrics=expected.metrics, expected_spans=expected.spans)
        told["live_check"] = [{"finding": str(one), "times": times} for one, times in findings]
    write_telemetry(folder.path, told)


def _settled(telemetry: Telemetry, ids: list[str]) -> list[dict[str, Any]]:
    """Return the spans of these traces when no more of them have come for a while."""
    ends = time.monotonic() + _SETTLE_S
    found: list[dict[str, Any]] = []
    quiet_from = time.monotonic()
    while time.monotonic() < ends and time.monotonic() - quiet_from < _QUIET_S:
        time.sleep(_EVERY_S)  # nothing says which span of a trace is the last: it is the one after which none comes
        now = telemetry.pipeline.traces(ids)
        if len(now) != len(found):
            found, quiet_from = now, time.monotonic()
    return found
