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

_SETTLE_S: Final = 20.0  # a bridge sends every second, Letta's own exporter every five, and the collector adds one
_EVERY_S: Final = 0.5
_QUIET_S: Final = 7.0  # longer than the longest pause between two sendings of one process
_OWN_LOGS: Final = "^(letta_otel|testbed[.]bridge)"
_NAMES_OF_UNSENT: Final = frozenset(one.name.lower() for one in UNSENT)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The way of telemetry beside a run: where a process sends to, and what to ask at its end."""

    http_endpoint: str
    grpc_endpoint: str
    pipeline: Pipeline
    check: LiveCheckReceiver


@contextmanager
def collecting(place: Path, say: Callable[[str], None]) -> Iterator[Telemetry]:
    """Start doubles and collector; raises PartError, also when no collector was built."""
    say("starting the collector, doubles of Huawei Cloud and a Prometheus")
    with LiveCheckReceiver() as check:
        configs = (*UNSAMPLED, check.config(place / "collector"))
        with Pipeline(place / "collector", configs=configs, environ={"LOG_SCOPES": _OWN_LOGS}) as pipeline:
            pipeline.keep_traces()
            collector = pipeline.collector
            yield Telemetry(collector.http_endpoint, collector.grpc_endpoint, pipeline, check)


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
        told["live_check"] = [{"finding": str(one), "times": times} for one, times in telemetry.check.findings()]
    write_telemetry(folder.path, told)


def _settled(telemetry: Telemetry, ids: list[str]) -> list[dict[str, Any]]:
    """Return the spans of these traces when no more of them have come for a while."""
    ends = time.monotonic() + _SETTLE_S
    found: list[dict[str, Any]] = []
    quiet_from = time.monotonic()
    while time.monotonic() < ends and time.monotonic() - quiet_from < _QUIET_S:
        time.sleep(_EVERY_S)
        now = telemetry.pipeline.traces(ids)
        if len(now) != len(found):
            found, quiet_from = now, time.monotonic()
    return found
