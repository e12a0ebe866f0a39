"""The stub refuses what a real Letta 0.16.4 refuses, with the same status and text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.process import python_part, start

SAMPLES = Path(__file__).with_name("data_letta_samples")
AT_ONCE = json.dumps({"service_times": {"*": 0, "stream_token": 0, "tool": 0}})
UNKNOWN = "agent-00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def letta(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    command = python_part("testbed.letta_stub", "--behaviour", AT_ONCE)
    with (
        start("letta-stub", command, log_dir=tmp_path_factory.mktemp("logs")) as part,
        httpx.Client(base_url=part.announced["url"], timeout=10) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def agent(letta: httpx.Client) -> str:
    return f"/v1/agents/{letta.post('/v1/agents/', json={'model': 'openai-proxy/gpt-4o-mini'}).json()['id']}"


def sample(name: str) -> Any:
    body = json.loads((SAMPLES / f"{name}.json").read_text())
    body.pop("trace_id", None)
    return body


def without_trace(reply: httpx.Response) -> Any:
    body = reply.json()
    assert body.pop("trace_id") == ""
    return body


def test_an_unknown_agent_is_404(letta: httpx.Client) -> None:
    reply = letta.post(f"/v1/agents/{UNKNOWN}/messages", json={"input": "hi"})
    assert (reply.status_code, reply.json()) == (404, sample("error_404_agent"))


def test_a_malformed_agent_id_is_422_with_an_example(letta: httpx.Client) -> None:
    reply = letta.get("/v1/agents/bogus")
    assert (reply.status_code, without_trace(reply)) == (422, sample("error_422_id"))


def test_an_unknown_model_is_404(letta: httpx.Client) -> None:
    reply = letta.post("/v1/agents/", json={"model": "nope/none"})
    assert (reply.status_code, reply.json()) == (404, sample("error_404_model"))


def test_messages_that_are_no_list_are_422(letta: httpx.Client, agent: str) -> None:
    reply = letta.post(f"{agent}/messages", json={"messages": "nope"})
    assert (reply.status_code, without_trace(reply)) == (422, sample("error_422_body"))


def test_a_body_without_input_is_422(letta: httpx.Client, agent: str) -> None:
    reply = letta.post(f"{agent}/messages", json={})
    assert (reply.status_code, without_trace(reply)) == (422, sample("error_422_empty"))


def test_the_body_of_the_old_bridge_is_422(letta: httpx.Client, agent: str) -> None:
    reply = letta.post(f"{agent}/messages", json={"message": "hi", "role": "user", "stream": False})
    assert reply.status_code == 422
    assert "Must specify either 'input' or 'messages'" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/messages", b"{not json"),
        ("POST", "/messages", b"[]"),
        ("POST", "/messages", b'{"messages":[{"content":"no role"}]}'),
        ("POST", "/messages", b'{"messages":[{"role":"pope","content":"x"}]}'),
        ("POST", "/messages", b'{"input":"a","messages":[]}'),
        ("POST", "/messages", b'{"input":"a","max_steps":"many"}'),
        ("POST", "/messages", b""),
        ("POST", "/archival-memory", b"{}"),
        ("GET", "/messages?limit=x", b""),
        ("GET", "/archival-memory/search", b""),
    ],
)
def test_what_cannot_be_understood_is_422(letta: httpx.Client, agent: str, method: str, path: str, body: bytes) -> None:
    reply = letta.request(method, agent + path, content=body)
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith("[{'type': ")


def test_background_streaming_without_redis_is_503(letta: httpx.Client, agent: str) -> None:
    reply = letta.post(f"{agent}/messages/stream", json={"input": "hi", "background": True})
    assert (reply.status_code, reply.json()) == (503, sample("error_503_background"))


@pytest.mark.parametrize(
    "path",
    [
        "/v1/runs/run-00000000-0000-4000-8000-000000000001",
        "/v1/runs/run-00000000-0000-4000-8000-000000000001/metrics",
        "/v1/steps/step-00000000-0000-4000-8000-000000000001/metrics",
        "/v1/conversations/conv-00000000-0000-4000-8000-000000000001",
        "/v1/nothing",
    ],
)
def test_what_is_not_there_is_404_in_json(letta: httpx.Client, path: str) -> None:
    reply = letta.get(path)
    assert reply.status_code == 404
    assert "detail" in reply.json()


@pytest.mark.parametrize("path", ["/v1/runs/bogus", "/v1/steps/bogus/metrics"])
def test_a_malformed_run_or_step_id_is_400(letta: httpx.Client, path: str) -> None:
    reply = letta.get(path)
    assert (reply.status_code, reply.json()["detail"][:16]) == (400, "INVALID_ARGUMENT")


def test_an_agent_without_a_model_or_with_an_unknown_embedding_is_400(letta: httpx.Client) -> None:
    no_model = letta.post("/v1/agents/", json={"name": "x"})
    assert (no_model.status_code, "Must specify either model" in no_model.text) == (400, True)
    known = {"model": "openai-proxy/gpt-4o-mini", "embedding": "nope/none"}
    assert letta.post("/v1/agents/", json=known).status_code == 400


def test_an_empty_list_of_messages_is_422(letta: httpx.Client, agent: str) -> None:
    reply = letta.post(f"{agent}/messages", json={"messages": []})
    assert (reply.status_code, reply.json()) == (422, {"detail": "Messages must not be empty"})


@pytest.mark.parametrize("option", [{"stream_tokens": True}, {"include_pings": False}, {"background": True}])
def test_an_option_of_streams_without_a_stream_is_422(letta: httpx.Client, agent: str, option: dict[str, bool]) -> None:
    reply = letta.post(f"{agent}/messages", json={"input": "hi", **option})
    assert (reply.status_code, reply.json()["detail"][:23]) == (422, "Streaming options set w")


def test_a_conversation_that_streams_refuses_another_stream_when_there_is_redis(tmp_path: Path) -> None:
    behaviour = json.dumps({"service_times": {"*": 0, "stream_token": 0, "conversation_messages": 60_000}})
    command = python_part("testbed.letta_stub", "--redis-configured", "--behaviour", behaviour)
    with (
        start("letta-stub", command, log_dir=tmp_path) as part,
        httpx.Client(base_url=part.announced["url"], timeout=10) as client,
    ):
        agent_id = client.post("/v1/agents/", json={"model": "openai-proxy/gpt-4o-mini"}).json()["id"]
        created = client.post("/v1/conversations/", params={"agent_id": agent_id}, json={}).json()
        path = f"/v1/conversations/{created['id']}/messages"
        with pytest.raises(httpx.ReadTimeout):  # the client gives up, and the real server works on as well
            client.post(path, json={"input": "first"}, timeout=0.3)
        second = client.post(path, json={"input": "second"})
        assert second.status_code == 409
        assert second.json()["detail"].startswith("CONFLICT: Cannot send a new message")
        to_the_agent = f"/v1/agents/{agent_id}/messages"
        assert client.post(to_the_agent, json={"input": "hi"}).status_code == 200
        body = {"input": "hi", "background": True, "stream_tokens": True}
        lines = client.post(f"{to_the_agent}/stream", json=body).text.split("\n\n")
        numbers = [json.loads(line[6:])["seq_id"] for line in lines if '"assistant_message"' in line]
        assert numbers == list(range(1, 25))


def test_a_block_that_the_agent_has_not_is_404(letta: httpx.Client, agent: str) -> None:
    assert letta.patch(f"{agent}/core-memory/blocks/nope", json={"value": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/health/"),
        ("DELETE", "/v1/agents/"),
        ("PUT", f"/v1/agents/{UNKNOWN}/messages"),
        ("PATCH", "/v1/models/"),
        ("DELETE", "/v1/conversations/conv-00000000-0000-4000-8000-000000000001"),
    ],
)
def test_a_method_that_a_path_does_not_have_is_405_in_json(letta: httpx.Client, method: str, path: str) -> None:
    reply = letta.request(method, path)
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET")
    assert reply.json() == {"detail": "Method Not Allowed"}


def test_head_is_405(letta: httpx.Client) -> None:
    assert letta.head("/v1/health/").status_code == 405


@pytest.mark.parametrize("path", ["/v1/agents", "/v1/models", "/v1/conversations", f"/v1/agents/{UNKNOWN}/"])
def test_a_slash_too_many_or_too_few_is_redirected_with_307(letta: httpx.Client, path: str) -> None:
    reply = letta.get(f"{path}?limit=3")
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    assert reply.status_code == 307
    assert reply.headers["location"] == f"{str(letta.base_url).removesuffix('/')}{other}?limit=3"
    assert reply.headers["content-length"] == "0"


def test_an_unknown_agent_or_passage_cannot_be_deleted(letta: httpx.Client, agent: str) -> None:
    unknown = letta.delete(f"/v1/agents/{UNKNOWN}")
    assert (unknown.status_code, unknown.json()["detail"][:15]) == (404, "Agent not found")
    passage = letta.delete(f"{agent}/archival-memory/passage-none")
    assert (passage.status_code, passage.json()["detail"][:12]) == (404, "Passage with")


def test_a_first_message_that_a_real_letta_would_rewrite_is_not_taken_as_it_is(letta: httpx.Client) -> None:
    body = {"model": "openai-proxy/gpt-4o-mini", "initial_message_sequence": [{"role": "assistant", "content": "hi"}]}
    reply = letta.post("/v1/agents/", json=body)
    assert (reply.status_code, reply.json()) == (501, {"detail": "the stub takes initial messages of users only"})
