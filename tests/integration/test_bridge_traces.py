"""The reference bridge with a real Redis sends traces, metrics and logs by OTLP, and loses none at its end."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from testbed.bridge import names
from tests.bridge_rig import BridgeRig
from tests.otlp_sink import OtlpSink

TRACE, SENDER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
META = {"memory_type": "permanent", "traceparent": f"00-{TRACE}-{SENDER}-01", "trace_id": "trace-of-before"}
CALL = "POST /v1/agents/{agent_id}/messages"


@pytest.fixture(scope="module")
def shared_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BridgeRig]:
    with BridgeRig(tmp_path_factory.mktemp("traces")) as rig:
        yield rig


@pytest.fixture
def rig(shared_rig: BridgeRig) -> BridgeRig:
    shared_rig.reset()
    return shared_rig


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as made:
        yield made


def start_bridge(rig: BridgeRig, sink: OtlpSink, **variables: str) -> None:
    rig.start_bridge(OTEL_EXPORTER_OTLP_ENDPOINT=sink.address, OTEL_BSP_SCHEDULE_DELAY="50", **variables)


def test_one_request_is_one_trace_from_its_sender_to_letta_and_back(rig: BridgeRig, sink: OtlpSink) -> None:
    start_bridge(rig, sink, LETTA_BRIDGE_INSTANCE_ID="bridge-1")
    reply = rig.ask("t-1", user_id="u-1", meta=META)
    spans = sink.wait_for_spans("process letta_requests", CALL, "send letta_responses", "POST /v1/agents/")
    process, call, send = (spans[name] for name in ("process letta_requests", CALL, "send letta_responses"))
    assert {one.trace for one in spans.values()} == {TRACE}
    assert (process.parent, process.links, process.kind) == (SENDER, (SENDER,), "CONSUMER")
    assert (call.parent, call.kind, call.status) == (process.id, "CLIENT", "UNSET")
    assert (send.parent, send.kind) == (process.id, "PRODUCER")
    assert process.attributes["letta.legacy_trace_id"] == "trace-of-before"
    assert process.attributes["messaging.client.id"] == "bridge-1"
    assert process.attributes["gen_ai.agent.id"] == reply["meta"]["agent_id"]
    assert call.attributes["gen_ai.usage.input_tokens"] > 0
    assert send.attributes["letta.bridge.listeners"] == 1
    assert process.resource["service.name"] == "letta-bridge"
    assert reply["meta"]["traceparent"].split("-")[1:3] == [TRACE, send.id]


def test_what_the_bridge_sends_keeps_to_the_registry(rig: BridgeRig, sink: OtlpSink) -> None:
    start_bridge(rig, sink, OTEL_METRIC_EXPORT_INTERVAL="200")
    rig.ask("t-1", user_id="u-1", meta=META)
    rig.set_letta(faults=[{"operation": "messages", "kind": "status", "status": 503, "remaining": 10}])
    rig.ask("t-2", user_id="u-1", meta=META)
    rig.ask("t-3", user_id="u-1", content="")
    rig.client.lpush(names.REQUESTS, "not JSON")
    sink.wait_for_spans("process letta_requests", "fallback", f"send {names.FALLBACK}")
    rig.listen_until(lambda: [value for _, value in sink.points("letta.bridge.lost.messages")] == [1])
    rig.listen_until(lambda: list(sink.points("letta.bridge.queue.depth")))
    rig.listen_until(lambda: list(sink.points("otel.sdk.processor.log.processed")))
    expected = [
        "letta.bridge.requests",
        "letta.bridge.response.duration",
        "letta.bridge.queue.wait",
        "letta.bridge.stage.duration",
        "messaging.process.duration",
        "http.client.request.duration",
        "letta.bridge.retries",
        "letta.bridge.fallback.requests",
        "letta.bridge.lost.messages",
        "letta.bridge.dead_letters",
        "letta.bridge.in_flight",
        "letta.bridge.queue.depth",
        "letta.bridge.queue.age",
        "letta.bridge.sessions",
        "letta.bridge.circuit.open",
        "otel.sdk.processor.log.processed",
        "process.memory.usage",
        "process.cpu.time",
    ]
    found = sink.check().findings(
        expected_metrics=expected,
        expected_spans=["letta.bridge.process", "letta.bridge.call", "letta.bridge.send"],
    )
    assert [f"{count} × {finding}" for finding, count in found] == []


def test_nothing_of_a_message_is_sent(rig: BridgeRig, sink: OtlpSink) -> None:
    start_bridge(rig, sink, OTEL_METRIC_EXPORT_INTERVAL="200")
    secret = "我的电话是 13800138000, sk-proj-1234567890abcdef"
    meta = {**META, "trace_id": secret, "lang": secret}
    rig.ask("t-1", user_id=secret, content=secret, meta=meta)
    rig.ask("t-2", user_id="u-2", content=secret, meta={**meta, "memory_type": secret})
    rig.client.lpush(names.REQUESTS, secret)
    sink.wait_for_spans("process letta_requests", CALL)
    rig.listen_until(lambda: [value for _, value in sink.points("letta.bridge.lost.messages")] == [1])
    rig.listen_until(lambda: sink.logs)
    sent = "".join(str(one) for one in (*sink.traces, *sink.metrics, *sink.logs))
    for word in ("13800138000", "sk-proj", "\\346\\210\\221"):  # the last: how protobuf prints 我
        assert word not in sent


def test_what_was_answered_before_sigterm_is_sent_before_the_end(rig: BridgeRig, sink: OtlpSink) -> None:
    bridge = rig.start_bridge(OTEL_EXPORTER_OTLP_ENDPOINT=sink.address, OTEL_BSP_SCHEDULE_DELAY="60000")
    rig.push_many([f"t-{number}" for number in range(20)])
    rig.wait_for_replies(within_s=10)
    assert sink.spans() == []
    bridge.process.send_signal(signal.SIGTERM)
    assert bridge.process.wait(10) == 0
    assert len([one for one in sink.spans() if one.name == "process letta_requests"]) == 20
    answered = [value for given, value in sink.points("letta.bridge.response.duration")]
    assert sum(answered) == 20


def test_a_receiver_that_is_away_neither_slows_the_bridge_nor_keeps_it_from_ending(rig: BridgeRig) -> None:
    bridge = rig.start_bridge(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_BSP_SCHEDULE_DELAY="50")
    rig.push_many([f"t-{number}" for number in range(20)])
    rig.wait_for_replies(within_s=10)
    assert {rig.account.body(task)["source"] for task in rig.account.pushed_at} == {"letta"}
    bridge.process.send_signal(signal.SIGTERM)
    assert bridge.process.wait(15) == 0


def test_without_a_receiver_the_trace_goes_through_and_nothing_is_sent(rig: BridgeRig) -> None:
    rig.start_bridge()
    reply = rig.ask("t-1", user_id="u-1", meta=META)
    assert reply["meta"]["traceparent"] == META["traceparent"]
