"""What does telemetry cost a bridge for one message, with everything sent and with nothing?

First the telemetry of one request alone, in a loop, beside what OpenTelemetry's own spans and instruments take for the
same. Then the whole reference bridge, driven in alternating pairs: its CPU read from outside, by message.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from letta_otel.bridge import BridgeTelemetry
from letta_otel.collecting import add_to
from letta_otel.conventions import metrics
from letta_otel.instruments import histogram
from letta_otel.light import LightSpans
from letta_otel.otlp import span_processor
from letta_otel.process import watch_process
from letta_otel.spans import NoSpans, Spans
from letta_otel.tally import Tallies
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Tracer

from bench import machine
from bench.figures import Spread, table
from bench.through_bridge import drive_for, reference_bridges
from testbed.process import python_part, start

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_REQUESTS = 3000
_REPETITIONS = 5
_RATE = 200.0
_DURATION_S = 20.0
_PAIRS = 3
_META = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
_RESOURCE = Resource({"service.name": "letta-bridge"})


class _SdkSpans:
    """OpenTelemetry's own spans in the place of ours."""

    are_told = True

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(
        self,
        name: str,
        kind: SpanKind,
        given: dict[str, Any],
        *,
        context: Context | None = None,
        links: tuple[Link, ...] = (),
        at_unix_ns: int | None = None,
    ) -> Span:
        return self._tracer.start_span(
            name, context=context, kind=kind, attributes=given, links=links, start_time=at_unix_ns
        )


def run(folder: Path) -> None:
    """Measure and print."""
    with start("otlp-sink", python_part("bench._otlp_sink"), log_dir=folder / "logs") as sink:
        _print_parts(str(sink.announced["url"]))
        _print_bridges(folder, str(sink.announced["url"]))


def _print_parts(url: str) -> None:
    print(f"repetitions: {_REPETITIONS}, each {_REQUESTS:,} requests, the ways in turns; median (min to max) of them")
    ways: dict[str, Callable[[], float]] = {
        "one request, nothing sent": lambda: _requests_us(NoSpans()),
        "one request, spans sent": lambda: _sent_us(url, _ours),
        "one request, by the SDK's spans": lambda: _sent_us(url, _theirs),
        "one measurement": _ours_measured_us,
        "one measurement, by the SDK": _theirs_measured_us,
    }
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_REPETITIONS):
        for name, way in ways.items():
            seen[name].append(way())
    print(table(("telemetry", "CPU µs"), [(name, Spread.of(values).text(1)) for name, values in seen.items()]))


def _print_bridges(folder: Path, url: str) -> None:
    print(f"repetitions: {_PAIRS} alternating pairs of {_DURATION_S:g} s at {_RATE:g}/s; median (min to max) of them")
    seen: dict[str, list[float]] = {"nothing sent": [], "everything sent": []}
    for pair in range(_PAIRS):
        print(f"pair {pair + 1}: load {machine.load()}", flush=True)
        for name in sorted(seen, reverse=pair % 2 == 1):
            with _endpoint(url if name == "everything sent" else None):
                seen[name].append(_bridge_us(folder / f"{name.split()[0]}-{pair}"))
    rows = [(name, Spread.of(values).text()) for name, values in seen.items()]
    ratios = [sent / silent for silent, sent in zip(*seen.values(), strict=True)]
    print(table(("the reference bridge", "CPU µs/message"), rows))
    print(f"everything sent is {Spread.of(ratios).text(2)} times nothing sent")


def _bridge_us(folder: Path) -> float:
    with reference_bridges(folder / "parts", 1) as served:
        _, cores = drive_for(_DURATION_S, served, _RATE, folder / "run")
    return cores["bridge"] / _RATE * 1e6


@contextmanager
def _endpoint(url: str | None) -> Iterator[None]:
    before = os.environ.pop(_ENDPOINT, None)
    if url is not None:
        os.environ[_ENDPOINT] = url
    try:
        yield
    finally:
        os.environ.pop(_ENDPOINT, None)
        if before is not None:
            os.environ[_ENDPOINT] = before


def _ours(url: str) -> tuple[Spans, SpanProcessor]:
    with _endpoint(url):
        processor = span_processor(MeterProvider(shutdown_on_exit=False))
    sampler = TracerProvider(shutdown_on_exit=False).sampler
    return LightSpans(processor, sampler, _RESOURCE, "bench"), processor


def _theirs(url: str) -> tuple[Spans, SpanProcessor]:
    provider = TracerProvider(resource=_RESOURCE, shutdown_on_exit=False)
    processor = BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"), max_queue_size=4 * _REQUESTS)
    provider.add_span_processor(processor)
    return _SdkSpans(provider.get_tracer("bench")), processor


def _sent_us(url: str, make: Callable[[str], tuple[Spans, SpanProcessor]]) -> float:
    spans, processor = make(url)
    took = _requests_us(spans, processor)
    processor.shutdown()
    return took


def _requests_us(spans: Spans, processor: SpanProcessor | None = None) -> float:
    bridge = BridgeTelemetry(spans, NoOpMeterProvider().get_meter("bench"), client_id="bench")
    began = time.process_time()
    for _ in range(_REQUESTS):
        _one_request(bridge)
    if processor is not None:
        processor.force_flush()
    return (time.process_time() - began) / _REQUESTS * 1e6


def _one_request(bridge: BridgeTelemetry) -> None:
    """Do what the reference bridge does for a request that Letta answers."""
    template, url = "/v1/agents/{agent_id}/messages", "http://letta:8283/v1/agents/agent-1/messages"
    with bridge.request(_META, message_id="task-1", body_size=200, age_s=0.01) as told:
        told.routed("letta", "permanent")
        with told.stage("agent_wait"):
            pass
        with told.stage("agent_lookup"):
            pass
        told.agent("agent-1")
        with (
            told.stage("letta_call", has_span=False),
            bridge.call("POST", template, url, agent_id="agent-1") as call,
        ):
            _ = call.headers
            call.answered(200)
            call.used(3600, 300)
        with told.send("letta_responses", "publish") as sending:
            _ = sending.meta
            sending.size(400)
            sending.heard_by(1)
        told.answered("letta")


def _ours_measured_us() -> float:
    tallies, reader = Tallies(), InMemoryMetricReader()
    measured = tallies.durations(metrics.LETTA_BRIDGE_STAGE_DURATION, "letta.bridge.stage")
    watch_process(MeterProvider([reader], shutdown_on_exit=False).get_meter("bench"))
    add_to(reader, tallies, scope="bench")
    return _measured_us(lambda: measured.record(0.1, "letta_call"), reader)


def _theirs_measured_us() -> float:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("bench")
    measured = histogram(meter, metrics.LETTA_BRIDGE_STAGE_DURATION)
    return _measured_us(lambda: measured.record(0.1, {"letta.bridge.stage": "letta_call"}), reader)


def _measured_us(measure: Callable[[], None], reader: InMemoryMetricReader) -> float:
    began = time.process_time()
    for _ in range(_REQUESTS):
        measure()
    took = (time.process_time() - began) / _REQUESTS * 1e6
    reader.shutdown()
    return took
