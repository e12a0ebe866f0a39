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
    return f"/v1/agents/{letta.post('/v1/agents/', json={}).json()['id']}"


def sample(name: str) -> Any:
    body = json.loads((SAMPLES / f"{name}.json").read_text())
    body.pop("trace_id", None)
    return body


def without_trace(reply: httpx.Response) -> Any:
    body = reply.json()
    assert len(body.pop("trace_id", "0" * 32)) == 32
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


@pytest.mark.parametrize("path", ["/v1/runs/run-none", "/v1/steps/step-none/metrics", "/v1/nothing"])
def test_what_is_not_there_is_404_in_json(letta: httpx.Client, path: str) -> None:
    reply = letta.get(path)
    assert reply.status_code == 404
    assert "detail" in reply.json()


def test_a_block_that_the_agent_has_not_is_404(letta: httpx.Client, agent: str) -> None:
    assert letta.patch(f"{agent}/core-memory/blocks/nope", json={"value": "x"}).status_code == 404


def test_a_method_that_a_path_does_not_have_is_405_in_json(letta: httpx.Client) -> None:
    reply = letta.put("/v1/health/")
    assert (reply.status_code, reply.json()) == (405, {"detail": "Method Not Allowed"})
