"""What the add-on changes in a Letta server, each change by itself; the whole is tried on the real server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from letta_otel.letta import content, database, embeddings, model, resource, tracing
from letta_otel.letta.server import ServerSpans
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import StatusCode
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from tests.told import Told, listen

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
AUTOLOAD = Path(content.__file__).parent / "autoload"
SECRET = "my mother's maiden name is Wang"
STREAM = "/v1/agents/{agent_id}/messages/stream"


@pytest.fixture
def told() -> Told:
    return listen()


def serve(
    *messages: dict[str, Any], route: str | None = STREAM, path: str = "/v1/agents/agent-1/messages/stream"
) -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if route is not None:
            scope["route"] = SimpleNamespace(path=route)
        scope["path_params"] = {"agent_id": "agent-1"}
        with trace.get_tracer("letta").start_as_current_span("inside"):
            for message in messages:
                await send(message)

    async def heard(_: Any) -> None:
        pass

    async def nothing() -> Any:
        return {}

    headers = [(b"traceparent", f"00-{TRACE}-{CALLER}-01".encode())]
    scope = {"type": "http", "method": "POST", "path": path, "scheme": "http", "headers": headers}
    asyncio.run(ServerSpans(app)(scope, nothing, heard))


def begins(status: int = 200, kind: bytes = b"text/event-stream") -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]}


def body(*parts: str) -> list[dict[str, Any]]:
    return [{"type": "http.response.body", "body": part.encode(), "more_body": True} for part in parts]


def test_a_request_is_one_span_below_its_caller(told: Told) -> None:
    serve(begins(), *body('data: {"message_type":"assistant_message","content":"hi"}\n\n'))
    spans = told.spans()
    span = spans[f"POST {STREAM}"]
    assert span.context.trace_id == int(TRACE, 16)
    assert span.parent is not None and span.parent.span_id == int(CALLER, 16)
    assert spans["inside"].parent is not None and spans["inside"].parent.span_id == span.context.span_id
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": STREAM,
        "url.path": "/v1/agents/agent-1/messages/stream",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "gen_ai.agent.id": "agent-1",
    }
    assert span.status.status_code is StatusCode.UNSET


def test_a_stream_that_says_that_it_failed_is_an_error(told: Told) -> None:
    before = told.count("http.server.request.duration", error_type="llm_error")
    error = (
        'event: error\ndata: {"message_type":"error_message","error_type":"llm_error","message":"' + SECRET + '"}\n\n'
    )
    serve(begins(), *body(error))
    span = told.spans()[f"POST {STREAM}"]
    assert (span.status.status_code, (span.attributes or {})["error.type"]) == (StatusCode.ERROR, "llm_error")
    assert told.count("http.server.request.duration", error_type="llm_error") == before + 1
    assert SECRET not in span.to_json()


@pytest.mark.parametrize(
    ("parts", "counts"),
    [
        (['data: {"message_type":"ping"}\n\n'], 0),
        (['data: {"message_type":"reasoning_message","reasoning":"hm"}\n\n'], 0),
        (['data: {"message_type":"assistant_message","content":""}\n\n'], 0),
        (['data: {"message_type":"ping"}\n\n', 'data: {"message_type": "assistant_message", "content": "a"}\n\n'], 1),
        (['data: {"message_type":"assistant_message","content":"a"}\n\n'] * 3, 1),
    ],
)
def test_the_first_token_is_the_first_content_for_the_user(told: Told, parts: list[str], counts: int) -> None:
    before = told.count("gen_ai.server.time_to_first_token", http_route=STREAM)
    serve(begins(), *body(*parts))
    assert told.count("gen_ai.server.time_to_first_token", http_route=STREAM) == before + counts


def test_health_is_counted_and_not_traced(told: Told) -> None:
    before = told.count("http.server.request.duration", http_route="/v1/health/")
    serve(begins(kind=b"application/json"), route="/v1/health/", path="/v1/health/")
    assert told.spans() == {}
    assert told.count("http.server.request.duration", http_route="/v1/health/") == before + 1


@pytest.mark.parametrize(("status", "error"), [(404, None), (503, "503")])
def test_only_what_the_server_did_wrong_is_its_error(told: Told, status: int, error: str | None) -> None:
    serve(begins(status, b"application/json"), route=None)
    assert (told.spans()["POST _OTHER"].attributes or {}).get("error.type") == error


def test_nothing_that_somebody_wrote_leaves(told: Told) -> None:
    with trace.get_tracer("letta.otel.tracing").start_as_current_span("LettaAgentV3.step") as span:
        span.set_attributes(
            {"parameter.request_data": SECRET, "http.request.body.messages": SECRET, "step_id": "step-1", "x": 3}
        )
        span.add_event("llm_request_ms", {"duration_ms": 12, "request": SECRET})
        span.record_exception(ValueError(SECRET))
        span.set_status(StatusCode.ERROR, SECRET)
    sent = content.without_content(told.spans()["LettaAgentV3.step"])
    assert SECRET not in sent.to_json()
    assert sent.attributes == {"letta.step.id": "step-1"}
    assert sent.status.status_code is StatusCode.ERROR
    timed, failed = sent.events
    assert (timed.attributes, failed.attributes) == ({"duration_ms": 12}, {"exception.type": "ValueError"})


def test_a_traced_method_has_its_name_and_no_parameters(told: Told) -> None:
    class Agent:
        @tracing.traced
        async def step(self, words: str) -> str:
            tracing.log_event("asked", {"tokens": 3, "words": words})
            return words

        @tracing.traced
        def fail(self) -> None:
            raise KeyError(SECRET)

    assert asyncio.run(Agent().step(SECRET)) == SECRET
    with pytest.raises(KeyError):
        Agent().fail()
    step, fail = told.spans()["Agent.step"], told.spans()["Agent.fail"]
    assert SECRET not in step.to_json() + fail.to_json()
    assert (fail.attributes or {})["error.type"] == "KeyError"
    assert step.events[0].attributes == {"tokens": 3}


def adapter(chunks: list[Any], error: Exception | None = None, *, tokens: int = 669) -> Any:
    class Adapter:
        llm_config = SimpleNamespace(model_endpoint_type="openai", model="gpt-4o-mini")
        agent_id = "agent-1"
        usage = SimpleNamespace(prompt_tokens=0, completion_tokens=0)
        llm_request_finish_timestamp_ns = None

        async def invoke_llm(self, **_: Any) -> AsyncIterator[Any]:
            for chunk in chunks:
                yield chunk
            if error is not None:
                raise error
            self.usage = SimpleNamespace(prompt_tokens=tokens, completion_tokens=12)

    module = ModuleType("letta.adapters.one")
    Adapter.__module__ = module.__name__
    module.Adapter = Adapter  # type: ignore[attr-defined]
    model.change(module)
    return Adapter()


async def read(one: Any) -> list[Any]:
    return [chunk async for chunk in one.invoke_llm(step_id="step-1")]


def test_a_call_to_a_model_says_what_it_cost(told: Told) -> None:
    before = [
        told.count("gen_ai.client.token.usage", gen_ai_token_type="input"),
        told.count("gen_ai.client.operation.time_to_first_chunk"),
    ]
    assert asyncio.run(read(adapter(["a", "b"]))) == ["a", "b"]
    span = told.spans()["chat gpt-4o-mini"]
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.agent.id": "agent-1",
        "letta.step.id": "step-1",
        "gen_ai.usage.input_tokens": 669,
        "gen_ai.usage.output_tokens": 12,
    }
    assert told.count("gen_ai.client.token.usage", gen_ai_token_type="input") == before[0] + 1
    assert told.count("gen_ai.client.operation.time_to_first_chunk") == before[1] + 1


def test_a_call_without_a_stream_has_no_first_chunk(told: Told) -> None:
    before = told.count("gen_ai.client.operation.time_to_first_chunk")
    assert asyncio.run(read(adapter([None]))) == [None]
    assert told.count("gen_ai.client.operation.time_to_first_chunk") == before


def test_a_call_to_a_model_that_fails_is_an_error(told: Told) -> None:
    before = told.count("gen_ai.client.operation.duration", error_type="TimeoutError")
    with pytest.raises(TimeoutError):
        asyncio.run(read(adapter([], TimeoutError(SECRET))))
    span = told.spans()["chat gpt-4o-mini"]
    assert span.status.status_code is StatusCode.ERROR and SECRET not in span.to_json()
    assert told.count("gen_ai.client.operation.duration", error_type="TimeoutError") == before + 1


def test_an_adapter_module_of_another_shape_is_refused() -> None:
    with pytest.raises(AttributeError, match="no class with invoke_llm"):
        model.change(ModuleType("letta.adapters.other"))


def test_embeddings_are_measured(told: Told) -> None:
    class OpenAIClient:
        async def request_embeddings(self, inputs: list[str], _: Any) -> list[int]:
            return [len(one) for one in inputs]

    module = SimpleNamespace(OpenAIClient=OpenAIClient)
    embeddings.change(module)
    config = SimpleNamespace(embedding_endpoint_type="openai", embedding_model="text-embedding-3-small")
    assert asyncio.run(module.OpenAIClient().request_embeddings([SECRET], config)) == [len(SECRET)]
    assert "embeddings text-embedding-3-small" in told.spans()


def test_statements_are_measured_by_what_they_do_and_to_which_table(told: Told, monkeypatch: Any) -> None:
    monkeypatch.setattr(database, "_SHORTEST_SPAN_S", 0.0)
    engine = create_engine("sqlite://")
    database.watch(engine, "letta")
    before = told.count("db.client.operation.duration", db_collection_name="messages", db_operation_name="SELECT")
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE messages (words TEXT)"))
        connection.execute(text("SELECT words FROM messages WHERE words = :words"), {"words": SECRET})
        with pytest.raises(OperationalError):
            connection.execute(text("SELECT 1 FROM nowhere"))
    after = told.count("db.client.operation.duration", db_collection_name="messages", db_operation_name="SELECT")
    assert after == before + 1
    assert told.count("db.client.operation.duration", db_collection_name="nowhere", error_type="OperationalError") == 1
    assert SECRET not in "".join(one.to_json() for one in told.exporter.get_finished_spans())
    assert told.spans()["SELECT postgresql"].attributes is not None


def test_a_search_among_vectors_is_told_apart(told: Told) -> None:
    engine = create_engine("sqlite://")
    database.watch(engine, "letta")
    before = told.count("letta.db.vector_search.duration", db_collection_name="archival_passages")
    with engine.connect() as connection, pytest.raises(OperationalError):
        connection.execute(text("SELECT id FROM archival_passages ORDER BY embedding <=> :wanted"), {"wanted": "[1]"})
    assert told.count("letta.db.vector_search.duration", db_collection_name="archival_passages") == before + 1


def test_a_pool_says_how_many_connections_it_has_and_who_waits(told: Told, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/one.db", pool_size=1, max_overflow=1, pool_timeout=0.01)
    database.watch(engine, "small")
    before = told.count("db.client.connection.create_time"), told.count("db.client.connection.timeouts")
    used = {"db_client_connection_state": "used", "db_client_connection_pool_name": "small"}
    with engine.connect(), engine.connect():
        assert told.count("db.client.connection.count", **used) == 2
        with pytest.raises(PoolTimeoutError):
            engine.connect()
    assert told.count("db.client.connection.create_time") == before[0] + 2
    assert told.count("db.client.connection.timeouts") == before[1] + 1
    assert told.count("db.client.connection.count", **used) == 0
    assert told.count("db.client.connection.max", db_client_connection_pool_name="small") == 2


def test_each_process_sends_under_an_id_of_its_own() -> None:
    given = Resource({"service.name": "letta-server", "letta.version": "0.16.4", "device.id": 123})
    module = SimpleNamespace(get_resource=lambda _: given)
    resource.change(module)
    said = module.get_resource("letta-server").attributes
    assert (said["service.version"], said["process.pid"]) == ("0.16.4", os.getpid())
    assert said["service.instance.id"] and "device.id" not in said and "letta.version" not in said


def python(code: str, tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(AUTOLOAD), str(tmp_path))), **variables}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, text=True, capture_output=True, check=False, cwd=tmp_path
    )


def test_one_variable_loads_it_and_without_letta_s_own_it_does_nothing(tmp_path: Path) -> None:
    code = "import signal, sys; print('letta_otel' in sys.modules, signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    (tmp_path / "sitecustomize.py").write_text("print('the hidden one')")
    without = python(code, tmp_path, LETTA_OTEL_EXPORTER_OTLP_ENDPOINT="")
    assert (without.stdout, without.stderr) == ("the hidden one\nTrue True\n", "")
    loaded = python(code, tmp_path, LETTA_OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4317")
    assert (loaded.stdout, loaded.stderr) == ("the hidden one\nTrue False\n", "")


def test_a_letta_of_another_shape_starts_all_the_same_and_says_what_stays(tmp_path: Path) -> None:
    package = tmp_path / "letta" / "otel"
    package.mkdir(parents=True)
    (tmp_path / "letta" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "tracing.py").write_text("def trace_method(f): return f")
    done = python(
        "import letta.otel.tracing; print('started')",
        tmp_path,
        LETTA_OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4317",
    )
    assert done.stdout == "started\n"
    assert "letta.otel.tracing stays as it is (AttributeError" in done.stderr
    assert "made for Letta 0.16.4" in done.stderr
