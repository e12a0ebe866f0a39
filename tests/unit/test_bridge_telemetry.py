"""What a bridge tells of one request: the whole trace, the metrics, and what harms nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from letta_otel.bounds import OTHER
from letta_otel.bridge import BridgeTelemetry
from letta_otel.collecting import add_to
from letta_otel.conventions import attributes as names
from letta_otel.light import LightSpans
from letta_otel.live_check import LiveCheck
from letta_otel.process import watch_process
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased

from tests.bridge_counters import silent

TRACE, SENDER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SENDER}-01"


class Rig:
    """A bridge's telemetry with what it sent, in memory."""

    def __init__(self) -> None:
        self._spans, self._metrics = InMemorySpanExporter(), InMemoryMetricReader()
        self._meters = MeterProvider([self._metrics])
        meter = self._meters.get_meter("letta_otel")
        watch_process(meter)
        spans = LightSpans(SimpleSpanProcessor(self._spans), ParentBased(ALWAYS_ON), Resource({}), "letta_otel")
        self.bridge = BridgeTelemetry(spans, meter, client_id="bridge-1")
        add_to(self._metrics, self.bridge.tallies, scope="letta_otel")

    def spans(self) -> dict[str, ReadableSpan]:
        return {one.name: one for one in self._spans.get_finished_spans()}

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        data = json.loads(self._metrics.get_metrics_data().to_json())  # type: ignore[union-attr]  # there is always some
        return [
            (point["attributes"], point.get("value", point.get("count")))
            for resource in data["resource_metrics"]
            for scope in resource["scope_metrics"]
            for metric in scope["metrics"]
            if metric["name"] == name
            for point in metric["data"]["data_points"]
        ]

    def check(self) -> LiveCheck:
        check = LiveCheck()
        check.take_spans(encode_spans(self._spans.get_finished_spans()))
        data = self._metrics.get_metrics_data()
        assert data is not None
        check.take_metrics(encode_metrics(data))
        return check

    def close(self) -> None:
        self._meters.shutdown()


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def answer(rig: Rig, meta: dict[str, object]) -> None:
    with rig.bridge.request(meta, message_id="task-1", body_size=120, age_s=0.25) as request:
        request.routed("letta", "permanent")
        request.agent("agent-1")
        with (
            request.stage("letta_call", has_span=False),
            rig.bridge.call(
                "POST",
                "/v1/agents/{agent_id}/messages",
                "http://user:secret@letta:8283/v1/agents/agent-1/messages?x=1",
                agent_id="agent-1",
                operation="invoke_agent",
            ) as call,
        ):
            call.answered(200)
            call.used(669, 12)
        with request.send("letta_responses", "publish") as sending:
            sending.size(80)
            sending.heard_by(1)
        request.answered("letta")


def facts(span: ReadableSpan) -> dict[str, Any]:
    assert span.context is not None
    return {
        "kind": span.kind.name,
        "status": span.status.status_code.name,
        "links": [format(link.context.span_id, "016x") for link in span.links],
        "events": [event.name for event in span.events],
        "attributes": dict(span.attributes or {}),
    }


def test_one_request_is_one_trace_with_everything_in_its_place(rig: Rig) -> None:
    answer(rig, {"traceparent": TRACEPARENT, "memory_type": "permanent"})
    spans = rig.spans()
    process, call, send = (
        spans[name]
        for name in ("process letta_requests", "POST /v1/agents/{agent_id}/messages", "send letta_responses")
    )
    assert len(spans) == 3
    assert {format(one.context.trace_id, "032x") for one in spans.values() if one.context} == {TRACE}
    assert process.context is not None
    assert [one.parent and format(one.parent.span_id, "016x") for one in (process, call, send)] == [
        SENDER,
        *[format(process.context.span_id, "016x")] * 2,
    ]
    assert facts(process) == {
        "kind": "CONSUMER",
        "status": "UNSET",
        "links": [SENDER],
        "events": [],
        "attributes": {
            "messaging.system": "redis",
            "messaging.destination.name": "letta_requests",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.message.id": "task-1",
            "messaging.message.body.size": 120,
            "messaging.client.id": "bridge-1",
            "letta.bridge.redelivered": False,
            "letta.bridge.queue_wait": 0.25,
            "letta.bridge.route": "letta",
            "letta.bridge.memory_type": "permanent",
            "gen_ai.agent.id": "agent-1",
            "letta.bridge.source": "letta",
            "letta.bridge.outcome": "success",
        },
    }
    assert facts(call) == {
        "kind": "CLIENT",
        "status": "UNSET",
        "links": [],
        "events": [],
        "attributes": {
            "http.request.method": "POST",
            "url.template": "/v1/agents/{agent_id}/messages",
            "server.address": "letta",
            "server.port": 8283,
            "url.full": "http://letta:8283/v1/agents/agent-1/messages",
            "gen_ai.agent.id": "agent-1",
            "gen_ai.operation.name": "invoke_agent",
            "http.response.status_code": 200,
            "gen_ai.usage.input_tokens": 669,
            "gen_ai.usage.output_tokens": 12,
        },
    }
    assert facts(send) == {
        "kind": "PRODUCER",
        "status": "UNSET",
        "links": [],
        "events": [],
        "attributes": {
            "messaging.system": "redis",
            "messaging.destination.name": "letta_responses",
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.message.id": "task-1",
            "messaging.client.id": "bridge-1",
            "messaging.message.body.size": 80,
            "letta.bridge.listeners": 1,
        },
    }


def test_what_a_request_sends_keeps_to_the_registry(rig: Rig) -> None:
    answer(rig, {"traceparent": TRACEPARENT})
    assert (
        rig.check().findings(
            expected_metrics=[
                "letta.bridge.requests",
                "letta.bridge.response.duration",
                "letta.bridge.queue.wait",
                "letta.bridge.stage.duration",
                "messaging.process.duration",
                "http.client.request.duration",
                "letta.bridge.in_flight",
            ],
            expected_spans=["letta.bridge.process", "letta.bridge.call", "letta.bridge.send"],
        )
        == ()
    )


def test_the_context_that_goes_on_is_that_of_the_span_which_sends_it(rig: Rig) -> None:
    with rig.bridge.request({"traceparent": TRACEPARENT}, message_id="task-1", body_size=1, age_s=None) as request:
        with rig.bridge.call("POST", "/v1/agents/", "http://letta:8283/v1/agents/") as call:
            to_letta = call.headers["traceparent"]
        with request.send("letta_responses", "publish") as sending:
            in_reply = sending.meta["traceparent"]
    spans = rig.spans()
    for sent, name in ((to_letta, "POST /v1/agents/"), (in_reply, "send letta_responses")):
        context = spans[name].context
        assert context is not None
        assert sent.split("-")[1:3] == [TRACE, format(context.span_id, "016x")]


@pytest.mark.parametrize(
    "traceparent",
    ["", "00-nothing", f"00-{'0' * 32}-{SENDER}-01", f"ff-{TRACE}-{SENDER}-01", 7, None, ["00"], "é" * 1000],
)
def test_a_context_that_cannot_be_read_begins_a_trace_of_its_own(rig: Rig, traceparent: object) -> None:
    answer(rig, {"traceparent": traceparent, "tracestate": traceparent})
    process = rig.spans()["process letta_requests"]
    assert process.parent is None
    assert process.links == ()


@pytest.mark.parametrize(
    ("given", "kept"),
    [("trace-2025-08-31-0007", True), ("my phone is 13800138000", False), ("x" * 129, False), (7, False), ("", False)],
)
def test_a_trace_id_from_before_is_kept_when_it_looks_like_one(rig: Rig, given: object, kept: bool) -> None:
    answer(rig, {"trace_id": given})
    found = (rig.spans()["process letta_requests"].attributes or {}).get(names.LETTA_LEGACY_TRACE_ID)
    assert found == (given if kept else None)


def test_a_refused_request_is_an_error_in_the_trace_and_in_the_metrics(rig: Rig) -> None:
    with rig.bridge.request({}, message_id="task-1", body_size=1, age_s=0.1) as request:
        request.routed("letta", "permanent")
        with pytest.raises(TimeoutError), request.fallback("breaker_open"):
            raise TimeoutError("the user said: 13800138000")
        request.refused("fallback_unavailable")
    spans = rig.spans()
    process, fallback = spans["process letta_requests"], spans["fallback"]
    assert (process.status.status_code.name, process.status.description) == ("ERROR", "fallback_unavailable")
    assert (fallback.status.status_code.name, fallback.status.description) == ("ERROR", "TimeoutError")
    assert (fallback.attributes or {})["letta.bridge.fallback.reason"] == "breaker_open"
    assert fallback.events == ()
    route = {"letta.bridge.route": "letta", "letta.bridge.source": "none", "letta.bridge.outcome": "error"}
    assert rig.points("letta.bridge.response.duration") == [(route, 1)]
    assert ({"letta.bridge.fallback.reason": "breaker_open"}, 1) in rig.points("letta.bridge.fallback.requests")
    assert rig.check().findings() == ()


def test_a_failed_call_says_which_status_and_counts_it(rig: Rig) -> None:
    with (
        rig.bridge.request({}, message_id="task-1", body_size=1, age_s=None),
        pytest.raises(RuntimeError),
        rig.bridge.call("POST", "/v1/agents/", "https://letta/v1/agents/", resend_count=1) as call,
    ):
        call.answered(503)
        raise RuntimeError
    span = rig.spans()["POST /v1/agents/"]
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "url.template": "/v1/agents/",
        "server.address": "letta",
        "server.port": 443,
        "url.full": "https://letta/v1/agents/",
        "http.request.resend_count": 1,
        "http.response.status_code": 503,
        "error.type": "503",
    }
    assert rig.check().findings() == ()


def test_a_redelivered_request_is_not_counted_again(rig: Rig) -> None:
    with rig.bridge.request({}, message_id="task-1", body_size=1, age_s=None) as request:
        request.redelivered()
        request.routed("letta", "permanent")
    counted = {point["letta.bridge.route"]: value for point, value in rig.points("letta.bridge.requests")}
    assert counted == {"letta": 0, "memory-python": 0, "none": 0}
    assert rig.points("letta.bridge.redeliveries") == [({}, 1)]


def test_counters_are_there_at_zero_before_anything_happened(rig: Rig) -> None:
    assert rig.points("letta.bridge.lost.messages") == [({}, 0)]
    assert sorted(value for _, value in rig.points("letta.bridge.requests")) == [0, 0, 0]


def test_values_without_end_are_folded_into_one(rig: Rig) -> None:
    for number in range(100):
        with (
            rig.bridge.request({}, message_id="task-1", body_size=1, age_s=None) as request,
        ):
            request.routed("letta", "permanent")
            with request.fallback(f"reason_{number}"):
                pass
    reasons = [point["letta.bridge.fallback.reason"] for point, _ in rig.points("letta.bridge.fallback.requests")]
    assert len(reasons) == 31
    assert OTHER in reasons


def test_a_short_stage_is_measured_and_gets_no_span(rig: Rig) -> None:
    with (
        rig.bridge.request({}, message_id="task-1", body_size=1, age_s=None) as request,
        request.stage("agent_lookup"),
    ):
        pass
    assert list(rig.spans()) == ["process letta_requests"]
    assert rig.points("letta.bridge.stage.duration") == [({"letta.bridge.stage": "agent_lookup"}, 1)]


def test_nothing_is_current_any_more_after_a_request(rig: Rig) -> None:
    answer(rig, {})
    assert not trace.get_current_span().get_span_context().is_valid


def test_without_the_sdk_everything_can_be_called_and_does_nothing() -> None:
    bridge = silent()
    with bridge.request({"traceparent": TRACEPARENT}, message_id="task-1", body_size=1, age_s=0.1) as request:
        request.routed("letta", "permanent")
        with bridge.call("POST", "/v1/agents/", "http://letta:8283/v1/agents/") as call:
            assert call.headers["traceparent"] == TRACEPARENT
            call.answered(200)
        request.answered("letta")
    bridge.lost()
    bridge.duplicate()
    bridge.dead_letter()
