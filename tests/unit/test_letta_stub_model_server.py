"""With a model server behind it, the Letta stub asks it for everything and passes its failures on as Letta does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.process import python_part, start

SAMPLES = Path(__file__).with_name("data_letta_samples")
LETTA_AT_ONCE = {"service_times": {"*": 0, "stream_token": 0, "tool": 0}, "settings": {"llm_retries": 0}}
MODEL_AT_ONCE = {"service_times": {"*": 0, "first_token": 0, "stream_token": 0}}


@dataclass(frozen=True, slots=True)
class Pair:
    letta: httpx.Client
    letta_control: httpx.Client
    model_control: httpx.Client

    def agent(self) -> str:
        body = {"model": "openai-proxy/gpt-4o-mini", "memory_blocks": [{"label": "human", "value": "name: Bob"}]}
        return f"/v1/agents/{self.letta.post('/v1/agents/', json=body).json()['id']}"

    def fail(self, **fault: Any) -> None:
        reply = self.model_control.patch("/behaviour", json={"faults": [{"operation": "chat", "share": 1, **fault}]})
        assert reply.status_code == 200, reply.text

    def model_calls(self) -> Any:
        return self.model_control.get("/ledger/counters").json()["requests_by_operation"]


@pytest.fixture(scope="module")
def shared_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    logs = tmp_path_factory.mktemp("logs")
    with start("llm-stub", python_part("testbed.llm_stub"), log_dir=logs) as model:
        command = python_part("testbed.letta_stub", "--llm", f"{model.announced['url']}/v1")
        with (
            start("letta-stub", command, log_dir=logs) as letta,
            httpx.Client(base_url=letta.announced["url"], timeout=20) as main,
            httpx.Client(base_url=letta.announced["control"], timeout=10) as letta_control,
            httpx.Client(base_url=model.announced["control"], timeout=10) as model_control,
        ):
            yield Pair(main, letta_control, model_control)


@pytest.fixture
def pair(shared_pair: Pair) -> Pair:
    shared_pair.letta_control.put("/behaviour", json=LETTA_AT_ONCE)
    shared_pair.model_control.put("/behaviour", json=MODEL_AT_ONCE)
    shared_pair.model_control.delete("/ledger")
    return shared_pair


def test_a_message_is_answered_with_the_text_of_the_model(pair: Pair) -> None:
    body = pair.letta.post(f"{pair.agent()}/messages", json={"input": "hi"}).json()
    assert body["messages"][-1]["content"].startswith("stub model #")
    assert body["usage"]["completion_tokens"] == 24
    assert pair.model_calls() == {"chat": 1}


def test_the_models_on_offer_are_those_of_the_model_server(pair: Pair) -> None:
    names = [model["handle"].removeprefix("openai-proxy/") for model in pair.letta.get("/v1/models/").json()]
    assert names == ["gpt-4o-mini", "gpt-4o", "text-embedding-3-small"]  # Letta cannot tell which of them speak


def test_a_tool_turn_asks_the_model_twice_and_edits_the_block(pair: Pair) -> None:
    agent = pair.agent()
    body = pair.letta.post(f"{agent}/messages", json={"input": "[tool:memory_insert] tea"}).json()
    kinds = [message["message_type"] for message in body["messages"]]
    assert kinds == ["tool_call_message", "tool_return_message", "assistant_message"]
    assert pair.model_calls() == {"chat": 2}
    assert "likes tea" in pair.letta.get(f"{agent}/core-memory/blocks/human").json()["value"]


@pytest.mark.parametrize("text", ["hi", "[tool:memory_insert] tea"])
def test_a_token_stream_passes_the_pieces_of_the_model_on(pair: Pair, text: str) -> None:
    reply = pair.letta.post(f"{pair.agent()}/messages/stream", json={"input": text, "stream_tokens": True})
    pieces = [json.loads(line[6:]) for line in reply.text.split("\n\n") if '"assistant_message"' in line]
    assert len(pieces) == 24
    assert reply.text.endswith("data: [DONE]\n\n")


def test_archival_insert_and_search_ask_for_one_embedding_each(pair: Pair) -> None:
    agent = pair.agent()
    pair.letta.post(f"{agent}/archival-memory", json={"text": "the sky is blue"})
    found = pair.letta.get(f"{agent}/archival-memory/search", params={"query": "sky"}).json()
    assert found["count"] == 1
    assert pair.model_calls() == {"embeddings": 2}


@pytest.mark.parametrize(("upstream", "status"), [(400, 502), (401, 401), (429, 429), (500, 502)])
def test_an_error_of_the_model_becomes_the_error_that_letta_makes_of_it(pair: Pair, upstream: int, status: int) -> None:
    pair.fail(kind="status", status=upstream)
    reply = pair.letta.post(f"{pair.agent()}/messages", json={"input": "hi"})
    expected = json.loads((SAMPLES / f"llm_{upstream}.json").read_text())["error"]
    got = reply.json()["error"]
    assert reply.status_code == status
    assert (got["type"], got["message"]) == (expected["type"], expected["message"])
    before_the_upstream_text = expected["detail"].partition("{")[0]
    assert got["detail"].startswith(before_the_upstream_text + "{'error': {'message': ")


def test_a_dropped_connection_to_the_model_is_502(pair: Pair) -> None:
    pair.fail(kind="drop")
    reply = pair.letta.post(f"{pair.agent()}/messages", json={"input": "hi"})
    assert (reply.status_code, reply.json()) == (502, json.loads((SAMPLES / "llm_drop.json").read_text()))


@pytest.mark.parametrize("kind", ["garbage", "truncate"])
def test_an_answer_of_the_model_that_cannot_be_read_is_502(pair: Pair, kind: str) -> None:
    pair.fail(kind=kind)
    assert pair.letta.post(f"{pair.agent()}/messages", json={"input": "hi"}).status_code == 502


def test_a_model_that_does_not_answer_in_time_is_504(pair: Pair) -> None:
    pair.letta_control.patch("/behaviour", json={"settings": {"llm_timeout_s": 0.2}})
    pair.fail(kind="hang")
    reply = pair.letta.post(f"{pair.agent()}/messages", json={"input": "hi"})
    assert (reply.status_code, reply.json()["error"]["type"]) == (504, "llm_timeout")


def test_a_passing_error_of_the_model_is_retried_twice_and_a_lasting_one_not_at_all(pair: Pair) -> None:
    pair.letta_control.patch("/behaviour", json={"settings": {"llm_retries": 2}})
    agent = pair.agent()
    pair.fail(kind="status", status=500)
    assert pair.letta.post(f"{agent}/messages", json={"input": "hi"}).status_code == 502
    assert pair.model_calls() == {"chat": 3}
    pair.fail(kind="status", status=400)
    assert pair.letta.post(f"{agent}/messages", json={"input": "hi"}).status_code == 502
    assert pair.model_calls() == {"chat": 4}


def test_an_error_of_the_model_in_a_stream_comes_with_status_200(pair: Pair) -> None:
    pair.fail(kind="status", status=400)
    reply = pair.letta.post(f"{pair.agent()}/messages/stream", json={"input": "hi", "stream_tokens": True})
    sample = (SAMPLES / "stream_llm_400.sse").read_text().split("\n\n")
    got = reply.text.split("\n\n")
    assert reply.status_code == 200
    assert (got[0], got[2:]) == (sample[0], sample[2:-1] if sample[-1] == "\n" else sample[2:])
    name, _, data = got[1].partition("\n")
    expected = json.loads(sample[1].partition("data: ")[2])
    assert name == "event: error"
    assert list(json.loads(data.removeprefix("data: "))) == list(expected)


def test_a_stream_of_the_model_that_breaks_off_with_an_error_ends_with_the_error_event(pair: Pair) -> None:
    pair.fail(kind="error_in_stream")
    reply = pair.letta.post(f"{pair.agent()}/messages/stream", json={"input": "hi", "stream_tokens": True})
    assert "event: error\ndata: " in reply.text


def test_a_failed_turn_leaves_no_messages_behind(pair: Pair) -> None:
    agent = pair.agent()
    pair.fail(kind="status", status=400)
    pair.letta.post(f"{agent}/messages", json={"input": "hi"})
    left = pair.letta.get(f"{agent}/messages").json()
    assert [message["message_type"] for message in left] == ["system_message"]


def test_the_request_id_of_a_message_goes_along_to_the_model(pair: Pair) -> None:
    pair.letta.post(f"{pair.agent()}/messages", json={"input": "hi"}, headers={"x-request-id": "r7"})
    assert pair.model_control.get("/ledger").json()["columns"]["request_id"] == ["r7"]


def test_a_stub_without_its_model_server_does_not_start(tmp_path: Path) -> None:
    command = python_part("testbed.letta_stub", "--llm", "http://127.0.0.1:1/v1")
    with pytest.raises(Exception, match=r"no model server at http://127.0.0.1:1/v1"):
        start("letta-stub", command, log_dir=tmp_path)
