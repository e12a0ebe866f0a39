"""What was acknowledged arrives: the collector with its committed configurations, before doubles of Huawei Cloud."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from testbed.cloud.accounts import ACCOUNT
from testbed.collector import FOLDER, Collector, program
from testbed.pipeline import otlp
from testbed.pipeline.faults import FAULTS, Fault
from testbed.pipeline.ledger import settle
from testbed.pipeline.rig import GATEWAY, UNSAMPLED, Pipeline
from testbed.pipeline.sender import Sender
from testbed.pipeline.trial import Outcome, trial
from testbed.process import PartError
from tests.processes import eventually

try:
    BUILT: Path | None = program()
except PartError:
    BUILT = None

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(BUILT is None and os.environ.get("CI") != "true", reason="`make collector` builds it"),
]

IN_MEMORY = "killed while the backends are down, queues in memory"
SAMPLED = "killed while the backends are down, with sampling"
_WINDOW_S = 3.0
_SECONDS, _PER_S = 16.0, 50.0
SECRETS = (
    "zhang.wei@example.com",
    "13800138000",
    "+86 139-1234-5678",
    "11010519491231002X",
    "6222021234567890123",
    "4111 1111 1111 1111",
    "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789",
    "AKIAIOSFODNN7EXAMPLE",
    "HPUAEXAMPLEKEY7QZ2MN",
    "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "please remember that my mother is ill",
    "first line\nsecond line\nthird line",
    "请记住我的母亲生病了",
)
ADDRESSES = {
    "APM_ENDPOINT": "127.0.0.1:4317",
    "APM_TOKEN": "t",
    "AOM_REMOTE_WRITE_URL": "http://127.0.0.1:9/push",
    "AOM_ACCESS_CODE": "c",
    "LTS_ENDPOINT": "http://127.0.0.1:9",
    "HUAWEI_PROJECT_ID": "p",
    "LTS_GROUP_ID": "g",
    "LTS_STREAM_ID": "s",
    "LTS_TOKEN": "t",
    "GATEWAY_ENDPOINT": "127.0.0.1:4317",
}


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with Pipeline(tmp_path) as made:
        yield made


@pytest.mark.parametrize("configs", [("agent.yaml",), GATEWAY, UNSAMPLED], ids="+".join)
def test_each_configuration_is_valid(configs: tuple[str, ...], tmp_path: Path) -> None:
    given = [f"--config={FOLDER / 'config' / one}" for one in configs]
    env = {**os.environ, **ADDRESSES, "STORAGE_DIR": str(tmp_path)}
    done = subprocess.run([program(), "validate", *given], env=env, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_traces_metrics_and_logs_each_reach_their_backend_once(pipeline: Pipeline) -> None:
    sender = Sender(pipeline.collector.http_endpoint)
    sender.send_for(1, per_s=40)
    accounts = settle(pipeline, sender, within_s=30)
    assert [(one.kind, one.acknowledged, one.lost) for one in accounts] == [
        ("spans", 40, 0),
        ("lines", 40, 0),
        ("samples", 40, 0),
    ]
    assert [one.duplicates for one in accounts[:2]] == [0, 0]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """All trials at once, each with a pipeline of its own; one with its queues in memory, and one that samples."""
    place = tmp_path_factory.mktemp("trials")
    given: dict[str, Any] = {"seconds": _SECONDS, "per_s": _PER_S}
    with ThreadPoolExecutor(len(FAULTS) + 2) as pool:
        running = {
            fault.name: pool.submit(trial, place / str(number), fault, **given) for number, fault in enumerate(FAULTS)
        }
        # What these two lose is waited for in vain: a retry comes after 15 s at the latest, and what waits behind it.
        given["latest_s"] = 40.0
        running[IN_MEMORY] = pool.submit(trial, place / "memory", FAULTS[0], is_persistent=False, **given)
        running[SAMPLED] = pool.submit(trial, place / "sampled", FAULTS[0], window_s=_WINDOW_S, **given)
        return {name: one.result() for name, one in running.items()}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_acknowledged_is_lost(fault: Fault, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[fault.name]
    assert [(one.kind, one.lost) for one in outcome.accounts] == [("spans", 0), ("lines", 0), ("samples", 0)]
    assert all(one.acknowledged >= _SECONDS * _PER_S for one in outcome.accounts)


def test_a_full_disk_is_told_to_the_sender_and_not_hidden(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["the disk is full"].refusals > 0


def test_without_the_disk_what_was_acknowledged_dies_with_the_collector(outcomes: dict[str, Outcome]) -> None:
    """The same trial shows a loss where there is one: it can fail."""
    assert all(one.lost > 100 for one in outcomes[IN_MEMORY].accounts)


def test_with_sampling_a_kill_loses_traces_of_one_decision_window_at_most(outcomes: dict[str, Outcome]) -> None:
    spans, lines, samples = outcomes[SAMPLED].accounts
    assert (lines.lost, samples.lost) == (0, 0)
    # The sampler decides once a second about what is as old as the window.
    assert 0 < spans.lost <= (_WINDOW_S + 1) * _PER_S


NO_IAM = dict.fromkeys(("IAM_ENDPOINT", "IAM_DOMAIN", "IAM_PROJECT", "IAM_USER", "IAM_PASSWORD"), "")


@pytest.mark.parametrize(
    ("environ", "kind", "metric", "labels"),
    [
        (
            {"APM_TOKEN": ACCOUNT.apm_token + "x"},
            "spans",
            "otelcol_exporter_send_failed_spans",
            {"exporter": "otlp_grpc/apm"},
        ),
        (
            {"AOM_ACCESS_CODE": ACCOUNT.aom_access_code + "x"},
            "samples",
            "otelcol_exporter_send_failed_metric_points",
            {"exporter": "prometheus_remote_write/aom"},
        ),
        (
            {"LTS_TOKEN": "wrong", **NO_IAM},
            "lines",
            "otelcol_lts_requests_refused",
            {"http_response_status_code": "401"},
        ),
    ],
    ids=("APM", "AOM", "LTS"),
)
def test_wrong_credentials_deliver_nothing_and_the_collector_s_own_metrics_say_so(
    tmp_path: Path, environ: dict[str, str], kind: str, metric: str, labels: dict[str, str]
) -> None:
    with Pipeline(tmp_path, environ=environ) as pipeline:
        Sender(pipeline.collector.http_endpoint).send_for(0.2, per_s=20)
        eventually(lambda: pipeline.collector.self_metric(metric, **labels), seconds=15.0)
        assert not pipeline.kept()[kind]


def test_a_name_of_a_service_becomes_what_apm_knows(pipeline: Pipeline) -> None:
    pipeline.keep_texts()
    Sender(pipeline.collector.http_endpoint).send_for(0.1, per_s=20)
    eventually(lambda: pipeline.kept()["span_texts"])
    assert "letta.letta-bridge.prod" in pipeline.kept()["span_texts"][0]


def test_the_sampler_keeps_errors_and_the_slow_and_what_is_counted_is_all_of_them(tmp_path: Path) -> None:
    rng = random.Random(1)
    numbers = [rng.getrandbits(128) | 1 for _ in range(6000)]
    errors, slow = set(numbers[:124]), set(numbers[124:305])
    with Pipeline(tmp_path, configs=GATEWAY, environ={"DECISION_WAIT": "4s"}) as pipeline:
        for begin in range(0, len(numbers), 500):
            spans = [
                otlp.span(one, took_s=2.1 if one in slow else 0.05, is_error=one in errors)
                for one in numbers[begin : begin + 500]
            ]
            post(pipeline, "traces", otlp.traces(spans))
        eventually(lambda: calls_counted(pipeline) == 6000, seconds=60)  # what is counted is flushed every 15 s
        time.sleep(2)  # ... and the decisions fell after four: what is kept is there by now, or never
        kept = {name[:32] for name in pipeline.kept()["spans"]}
    assert {f"{one:032x}" for one in errors | slow} <= kept
    rest = len(kept) - len(errors | slow)
    assert 0.04 <= rest / (6000 - 305) <= 0.06


def test_nothing_that_looks_private_arrives_anywhere(pipeline: Pipeline) -> None:
    """Planted where a name, a status, an attribute, an event, a body or a label could hold it."""
    pipeline.keep_texts()
    for place, secret in enumerate(SECRETS, start=1):
        span = otlp.span(place)
        span.name = f"answer {secret}"
        span.status.code, span.status.message = span.status.STATUS_CODE_ERROR, secret
        span.attributes.extend([otlp.text("error.type", secret), otlp.text("http.request.body.messages", secret)])
        span.attributes.append(otlp.text(secret[:40], "x"))
        event = span.events.add(name=secret)
        event.attributes.append(otlp.text("exception.message", secret))
        event.attributes.append(otlp.text("exception.stacktrace", secret))
        post(pipeline, "traces", otlp.traces([span], otlp.text("host.name", secret), otlp.text("user", secret)))
        logs = otlp.logs([f"the user wrote: {secret}"])
        logs.resource_logs[0].scope_logs[0].scope.name = "somebody.else"
        logs.resource_logs[0].scope_logs[0].log_records[0].attributes.append(otlp.text("error.type", secret))
        post(pipeline, "logs", logs)
        counts = otlp.counts([place], began_ns=time.time_ns(), every_ns=1_000_000)
        point = counts.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[0]
        point.attributes.extend([otlp.text("letta.bridge.route", secret), otlp.text("content", secret)])
        post(pipeline, "metrics", counts)
    eventually(lambda: len(pipeline.kept()["spans"]) == len(SECRETS) == len(pipeline.kept()["lines"]), seconds=60)
    eventually(lambda: calls_counted(pipeline) == len(SECRETS), seconds=60)
    kept = pipeline.kept()
    arrived = {"spans": str(kept["span_texts"]), "lines": str(kept["lines"]), "series": str(every_series(pipeline))}
    found = [(where, secret) for where, text in arrived.items() for secret in SECRETS if is_in(secret, text)]
    assert found == []


def test_a_foreign_client_works_against_the_agent(pipeline: Pipeline, tmp_path: Path) -> None:
    """OpenTelemetry's own exporter, as it comes, sends to the agent, which hands it to the gateway."""
    gateway = pipeline.collector.grpc_endpoint.removeprefix("http://")
    environ = {"GATEWAY_ENDPOINT": gateway}
    with Collector(tmp_path / "agent", ("agent.yaml",), storage=tmp_path / "agent-queue", environ=environ) as agent:
        provider = TracerProvider(resource=Resource({"service.name": "somebody"}), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{agent.http_endpoint}/v1/traces")))
        with provider.get_tracer("somebody").start_as_current_span("work") as span:
            trace_id = format(span.get_span_context().trace_id, "032x")
        provider.shutdown()
        eventually(lambda: [name[:32] for name in pipeline.kept()["spans"]] == [trace_id])


def is_in(secret: str, text: str) -> bool:
    """Say whether it is there, as it is or as protobuf writes the bytes of what is not ASCII."""
    escaped = "".join(chr(byte) if byte < 128 else f"\\{byte:03o}" for byte in secret.encode())
    return any(form in text for form in (secret, escaped, escaped.replace("\\", "\\\\")))


def post(pipeline: Pipeline, kind: str, request: Any) -> None:
    url = f"{pipeline.collector.http_endpoint}/v1/{kind}"
    headers = {"Content-Type": "application/x-protobuf"}
    httpx.post(url, content=request.SerializeToString(), headers=headers, timeout=30).raise_for_status()


def calls_counted(pipeline: Pipeline) -> float:
    """Return how many spans the gateway has counted, as Prometheus has it."""
    asked = {"query": 'sum(traces_span_metrics_calls_total{service_name="letta-bridge"})'}
    answer = httpx.get(f"{pipeline.prometheus.url}/api/v1/query", params=asked, timeout=30).raise_for_status()
    found = answer.json()["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0


def every_series(pipeline: Pipeline) -> list[dict[str, str]]:
    asked = {"match[]": '{__name__=~".+"}'}
    answer = httpx.get(f"{pipeline.prometheus.url}/api/v1/series", params=asked, timeout=30).raise_for_status()
    series: list[dict[str, str]] = answer.json()["data"]
    return series
