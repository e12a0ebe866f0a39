"""What does the collector cost for one span, through agent and gateway, and how much memory does it hold?

Traces as the reference bridge sends them (three spans with their attributes), in batches as its exporter makes them.
What both collectors use without any span is measured first, and taken off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench import machine
from bench.cpu import CpuTrace
from bench.figures import Spread, table
from testbed.collector import Collector
from testbed.pipeline import otlp
from testbed.pipeline.rig import GATEWAY, UNSAMPLED, Pipeline

_TRACES_PER_S: Final = 200.0
_BATCH: Final = 100  # traces
_SECONDS: Final = 30.0
_IDLE_S: Final = 15.0
_AFTER_S: Final = 15.0  # the sampler decides after ten seconds, and then it is sent
_REPETITIONS: Final = 3
_SPANS: Final = 3
_WAYS: Final = {"sampled (5 % of what is well)": GATEWAY, "unsampled": UNSAMPLED}


def run(folder: Path) -> None:
    """Measure and print."""
    total = int(_TRACES_PER_S * _SECONDS) * _SPANS
    print(
        f"repetitions: {_REPETITIONS}, the ways in turns, each {total:,} spans at {_TRACES_PER_S * _SPANS:g} a second; "
        "median (min to max) of them"
    )
    found: dict[str, list[tuple[float, float, float, float]]] = {way: [] for way in _WAYS}
    for repetition in range(_REPETITIONS):
        for way, configs in _WAYS.items():
            print(f"{way}: load {machine.load()}", flush=True)
            place = folder / f"{repetition}-{len(configs)}"
            found[way].append(_measured(place, configs, first=repetition * total))
    head = ("way", "agent, CPU µs/span", "gateway, CPU µs/span", "agent, MiB at most", "gateway, MiB at most")
    rows = [(way, *(Spread.of(column).text(1) for column in zip(*each, strict=True))) for way, each in found.items()]
    print(table(head, rows))


def _measured(place: Path, configs: tuple[str, ...], *, first: int) -> tuple[float, float, float, float]:
    """Return CPU in µs a span of agent and gateway, and the most memory in MiB that each held."""
    with Pipeline(place, configs=configs) as pipeline:
        environ = {"GATEWAY_ENDPOINT": pipeline.collector.grpc_endpoint.removeprefix("http://")}
        agent = Collector(place / "agent", ("agent.yaml",), storage=place / "agent-queue", environ=environ)
        with agent, CpuTrace(agent.pid) as of_agent, CpuTrace(pipeline.collector.pid) as of_gateway:
            idle = _window(lambda: time.sleep(_IDLE_S))  # what it uses while nothing is sent is what is measured
            busy = _window(lambda: _send(agent.http_endpoint, first))
            spans = int(_TRACES_PER_S * _SECONDS) * _SPANS
            time.sleep(0.2)  # until the trace has read past the end of the window
            each = [_us_a_span(trace, idle, busy, spans) for trace in (of_agent, of_gateway)]
            return each[0], each[1], of_agent.peak_mib, of_gateway.peak_mib


def _us_a_span(trace: CpuTrace, idle: tuple[int, int], busy: tuple[int, int], spans: int) -> float:
    idle_share = trace.used_s(*idle) / (idle[1] - idle[0])
    return (trace.used_s(*busy) - idle_share * (busy[1] - busy[0])) / spans * 1e6


def _window(act: Callable[[], None]) -> tuple[int, int]:
    time.sleep(0.2)  # the trace, which reads twenty times a second, has to have begun
    began_ns = time.monotonic_ns()
    act()
    return began_ns, time.monotonic_ns()


def _send(endpoint: str, first: int) -> None:
    """Send at the rate, and wait until the last of it has gone all the way."""
    began = time.monotonic()
    headers = {"Content-Type": "application/x-protobuf"}
    with httpx.Client(base_url=endpoint, timeout=30.0, trust_env=False) as client:
        for batch in range(int(_TRACES_PER_S * _SECONDS / _BATCH)):
            due = began + batch * _BATCH / _TRACES_PER_S
            time.sleep(max(0.0, due - time.monotonic()))  # the rate: a batch goes when it is due
            numbers = range(first + batch * _BATCH + 1, first + (batch + 1) * _BATCH + 1)
            made = otlp.traces(span for number in numbers for span in _trace(number))
            client.post("/v1/traces", content=made.SerializeToString(), headers=headers).raise_for_status()
    time.sleep(_AFTER_S)  # until the queues are empty, whose work belongs to the window


def _trace(number: int) -> list[Span]:
    """Return the spans of one request through the bridge."""
    process, call, send = (otlp.span(number, took_s=0.4) for _ in range(_SPANS))
    for place, span in enumerate((process, call, send)):
        span.span_id = (number * 4 + place + 1).to_bytes(8, "big")
    bridge = {"messaging.system": "redis", "messaging.client.id": "bridge-1", "letta.bridge.route": "permanent"}
    _fill(process, "process letta_requests", Span.SPAN_KIND_CONSUMER, number, **bridge)
    call.parent_span_id = send.parent_span_id = process.span_id
    of_call = {"url.template": "/v1/agents/{agent_id}/messages", "http.request.method": "POST"}
    _fill(call, "POST /v1/agents/{agent_id}/messages", Span.SPAN_KIND_CLIENT, number, **of_call)
    _fill(send, "send letta_responses", Span.SPAN_KIND_PRODUCER, number, **bridge)
    return [process, call, send]


def _fill(span: Span, name: str, kind: Span.SpanKind.ValueType, number: int, **given: str) -> None:
    span.name, span.kind = name, kind
    more = {
        "messaging.destination.name": "letta_requests",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": f"{number:032x}",
        "letta.bridge.source": "letta",
        "letta.bridge.outcome": "answered",
        "gen_ai.agent.id": f"agent-{number % 1000:08x}",
    }
    span.attributes.extend(otlp.text(key, value) for key, value in {**more, **given}.items())
