"""The stub's bodies have the keys, types and event orders of a real Letta 0.16.4 (samples in data_letta_samples)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.process import python_part, start

SAMPLES = Path(__file__).with_name("data_letta_samples")
AT_ONCE = json.dumps({"service_times": {"*": 0, "stream_token": 0, "tool": 0}})
CREATE = {
    "name": "probe",
    "model": "openai-proxy/gpt-4o-mini",
    "embedding": "openai/text-embedding-3-small",
    "memory_blocks": [{"label": "human", "value": "name: Bob"}, {"label": "persona", "value": "I am a helper"}],
}


@pytest.fixture(scope="module")
def letta(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    command = python_part("testbed.letta_stub", "--behaviour", AT_ONCE)
    with (
        start("letta-stub", command, log_dir=tmp_path_factory.mktemp("logs")) as part,
        httpx.Client(base_url=part.announced["url"], timeout=10) as client,
    ):
        yield client


@pytest.fixture
def agent(letta: httpx.Client) -> str:
    return f"/v1/agents/{letta.post('/v1/agents/', json=CREATE).json()['id']}"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def shape(value: object) -> object:
    """Keys in their order, types of values; of a list of numbers only that it is one."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return ["number"] if value and isinstance(value[0], int | float) else [shape(inner) for inner in value]
    return type(value).__name__


def events(text: str) -> list[Any]:
    """Each event as its type line, if it has one, and the shape of its data."""
    found = []
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        data = lines[-1].removeprefix("data: ")
        found.append((lines[:-1], data if data == "[DONE]" else shape(json.loads(data))))
    return found


def stream_sample(name: str) -> str:
    return (SAMPLES / f"{name}.sse").read_text()


def test_health_is_exactly_that_of_the_real_server(letta: httpx.Client) -> None:
    assert letta.get("/v1/health/").json() == {"version": "0.16.4", "status": "ok"}


def test_a_path_without_its_last_slash_redirects_with_307(letta: httpx.Client) -> None:
    reply = letta.get("/v1/health")
    assert reply.status_code == 307
    assert reply.headers["location"].endswith("/v1/health/")


def test_a_created_agent_has_all_fields_and_what_was_asked_for(letta: httpx.Client) -> None:
    reply = letta.post("/v1/agents/", json={**CREATE, "tags": ["run:7"], "metadata": {"tier": "small"}})
    body = reply.json()
    assert reply.status_code == 200
    assert re.fullmatch(r"agent-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", body["id"])
    assert (body["tags"], body["metadata"], body["name"]) == (["run:7"], {"tier": "small"}, "probe")
    plain = letta.post("/v1/agents/", json=CREATE).json()
    tools = plain.pop("tools")
    expected = sample("agent")
    expected_tools = expected.pop("tools")
    assert shape(plain) == shape(expected)
    assert [tool["name"] for tool in tools] == ["conversation_search", "memory_insert", "memory_replace"]
    assert [key for key, _ in shape(tools[0])] == [key for key, _ in shape(expected_tools[0])]  # type: ignore[attr-defined]  # both are objects


@pytest.mark.parametrize(
    ("name", "request_line", "body"),
    [
        ("message", "POST /messages", {"messages": [{"role": "user", "content": "hi"}]}),
        ("message", "POST /messages", {"input": "hi"}),
        ("message_with_tool", "POST /messages", {"input": "[tool:memory_insert] I like tea"}),
        ("blocks", "GET /core-memory/blocks", None),
        ("block", "GET /core-memory/blocks/human", None),
        ("block", "PATCH /core-memory/blocks/human", {"value": "name: Alice"}),
        ("archival_insert", "POST /archival-memory", {"text": "sky is blue", "tags": ["t1"]}),
        ("run_created", "POST /messages/async", {"input": "hi"}),
    ],
)
def test_an_answer_about_an_agent_has_the_real_shape(
    letta: httpx.Client, agent: str, name: str, request_line: str, body: Any
) -> None:
    method, path = request_line.split()
    reply = letta.request(method, agent + path, json=body)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert shape(reply.json()) == shape(sample(name))


def test_a_tool_turn_changes_the_block_that_it_names(letta: httpx.Client, agent: str) -> None:
    body = letta.post(f"{agent}/messages", json={"input": "[tool:memory_insert] I like tea"}).json()
    kinds = [message["message_type"] for message in body["messages"]]
    assert kinds == ["tool_call_message", "tool_return_message", "assistant_message"]
    assert body["usage"]["step_count"] == 2
    assert letta.get(f"{agent}/core-memory/blocks/human").json()["value"] == "name: Bob\nlikes tea"


def test_a_patched_block_keeps_its_new_value(letta: httpx.Client, agent: str) -> None:
    letta.patch(f"{agent}/core-memory/blocks/persona", json={"value": "brief"})
    values = {block["label"]: block["value"] for block in letta.get(f"{agent}/core-memory/blocks").json()}
    assert values == {"human": "name: Bob", "persona": "brief"}


def test_the_message_list_is_the_history_with_the_newest_messages_last(letta: httpx.Client, agent: str) -> None:
    for text in ("first", "second"):
        letta.post(f"{agent}/messages", json={"input": text})
    body = letta.get(f"{agent}/messages", params={"limit": 3}).json()
    assert shape(body) == shape(sample("messages"))
    assert [message["message_type"] for message in body] == ["assistant_message", "user_message", "assistant_message"]
    assert body[1]["content"] == "second"
    oldest = letta.get(f"{agent}/messages", params={"limit": 2, "order": "asc"}).json()
    assert [message["message_type"] for message in oldest] == ["system_message", "user_message"]
    assert oldest[1]["content"] == "first"


def test_usage_grows_with_the_history(letta: httpx.Client, agent: str) -> None:
    used = [letta.post(f"{agent}/messages", json={"input": "x" * 400}).json()["usage"] for _ in range(2)]
    assert used[1]["prompt_tokens"] > used[0]["prompt_tokens"] + 100
    assert all(each["total_tokens"] == each["prompt_tokens"] + each["completion_tokens"] for each in used)


def test_archival_search_finds_the_passage_with_the_words_asked_for(letta: httpx.Client, agent: str) -> None:
    for text in ("grass is green", "the sky was blue", "tea is hot"):
        letta.post(f"{agent}/archival-memory", json={"text": text, "tags": ["t1"]})
    found = letta.get(f"{agent}/archival-memory/search", params={"query": "blue sky", "top_k": 1}).json()
    assert shape(found) == shape(sample("archival_search"))
    assert [passage["content"] for passage in found["results"]] == ["the sky was blue"]


def test_a_deleted_passage_is_no_longer_listed(letta: httpx.Client, agent: str) -> None:
    passage = letta.post(f"{agent}/archival-memory", json={"text": "tea is hot"}).json()[0]
    assert len(letta.get(f"{agent}/archival-memory").json()) == 1
    assert letta.delete(f"{agent}/archival-memory/{passage['id']}").status_code == 200
    assert letta.get(f"{agent}/archival-memory").json() == []


def test_a_stored_embedding_is_padded_with_zeros_to_4096(letta: httpx.Client, agent: str) -> None:
    embedding = letta.post(f"{agent}/archival-memory", json={"text": "tea"}).json()[0]["embedding"]
    assert len(embedding) == 4096
    assert any(embedding[:1536])
    assert not any(embedding[1536:])


def test_an_asynchronous_message_ends_as_a_completed_run_with_metrics(letta: httpx.Client, agent: str) -> None:
    run_id = letta.post(f"{agent}/messages/async", json={"input": "hi"}).json()["id"]
    deadline_s = time.monotonic() + 5
    while (run := letta.get(f"/v1/runs/{run_id}").json())["status"] != "completed":
        assert time.monotonic() < deadline_s
    assert shape(run) == shape(sample("run_completed"))
    assert shape(letta.get(f"/v1/runs/{run_id}/metrics").json()) == shape(sample("run_metrics"))


def test_a_step_has_metrics_that_split_model_and_tool(letta: httpx.Client, agent: str) -> None:
    body = letta.post(f"{agent}/messages", json={"input": "[tool:memory_insert]"}).json()
    metrics = letta.get(f"/v1/steps/{body['messages'][0]['step_id']}/metrics").json()
    assert shape(metrics) == shape(sample("step_metrics"))
    assert metrics["llm_request_ns"] + metrics["tool_execution_ns"] <= metrics["step_ns"]


@pytest.mark.parametrize(("name", "tokens"), [("stream_steps", False), ("stream_tokens", True)])
def test_a_stream_has_the_real_events_in_the_real_order(
    letta: httpx.Client, agent: str, name: str, tokens: bool
) -> None:
    reply = letta.post(f"{agent}/messages/stream", json={"input": "hi", "stream_tokens": tokens})
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    expected = [each for each in events(stream_sample(name)) if "ping" not in str(each)]
    # The sample of whole steps begins with a ping, since that request took a minute; pings have their own test.
    expected = expected[1:] if name == "stream_steps" else expected
    got = events(reply.text)
    pieces = [each for each in got if each == expected[0]]
    assert len(pieces) == (24 if tokens else 1)
    assert got == [*pieces, *expected[-3:]]


def test_the_pieces_of_a_token_stream_share_an_id_and_make_up_the_message(letta: httpx.Client, agent: str) -> None:
    text = letta.post(f"{agent}/messages/stream", json={"input": "hi", "stream_tokens": True}).text
    pieces = [json.loads(line[6:]) for line in text.split("\n\n") if '"assistant_message"' in line]
    stored = letta.get(f"{agent}/messages").json()[-1]
    assert {piece["id"] for piece in pieces} == {stored["id"]}
    assert "".join(piece["content"] for piece in pieces) == stored["content"]


def test_a_conversation_answers_with_a_stream_unless_told_otherwise(letta: httpx.Client, agent: str) -> None:
    agent_id = agent.rpartition("/")[2]
    created = letta.post("/v1/conversations/", params={"agent_id": agent_id}, json={}).json()
    assert shape(created) == shape(sample("conversation"))
    path = f"/v1/conversations/{created['id']}"
    assert events(letta.post(f"{path}/messages", json={"input": "hi"}).text) == events(
        stream_sample("stream_conversation")
    )
    whole = letta.post(f"{path}/messages", json={"input": "hi", "streaming": False})
    assert shape(whole.json()) == shape(sample("message"))
    talk = [message["message_type"] for message in letta.get(f"{path}/messages").json()]
    assert talk == [*["assistant_message", "user_message"] * 2, "system_message"]
    of_agent = letta.get(f"{agent}/messages").json()
    assert [message["message_type"] for message in of_agent] == ["system_message", *talk[::-1]]
    assert letta.get(path).json()["id"] == created["id"]


def test_agents_are_listed_newest_first_by_tag_and_in_pages(letta: httpx.Client) -> None:
    ids = [
        letta.post("/v1/agents/", json={**CREATE, "tags": ["run:9", f"n:{number}"]}).json()["id"] for number in range(3)
    ]

    def listed(**query: Any) -> list[str]:
        return [agent["id"] for agent in letta.get("/v1/agents/", params=query).json()]

    assert listed(tags="run:9") == listed(tags="run:9", limit=0) == ids[::-1]
    assert listed(tags="run:9", limit=1) == [ids[2]]
    assert listed(tags="run:9", limit=5, after=ids[2]) == [ids[1], ids[0]]
    assert listed(tags=["run:9", "n:1"], match_all_tags=True) == [ids[1]]
    assert listed(tags="run:none") == []


def test_the_headers_of_a_stream_come_with_its_first_event(letta: httpx.Client, agent: str) -> None:
    with letta.stream("POST", f"{agent}/messages/stream", json={"input": "hi", "stream_tokens": True}) as reply:
        assert next(reply.iter_lines()).startswith('data: {"id":"message-')


def test_a_message_streams_when_asked_to_by_a_client_that_may(letta: httpx.Client, agent: str) -> None:
    headers = {"user-agent": "letta-client/1.7.7"}
    reply = letta.post(f"{agent}/messages", json={"input": "hi", "streaming": True}, headers=headers)
    assert reply.headers["content-type"].startswith("text/event-stream")
    refused = letta.post(f"{agent}/messages", json={"input": "hi", "streaming": True})
    assert (refused.status_code, refused.json()["detail"][:14]) == (422, "streaming=true")


def test_blocks_are_listed_by_falling_id(letta: httpx.Client, agent: str) -> None:
    ids = [block["id"] for block in letta.get(f"{agent}/core-memory/blocks").json()]
    assert ids == sorted(ids, reverse=True)


def test_a_deleted_agent_is_gone(letta: httpx.Client, agent: str) -> None:
    assert letta.get(agent).status_code == 200
    assert letta.delete(agent).status_code == 200
    assert letta.get(agent).status_code == 404


def test_models_are_listed_with_the_handles_that_agents_may_use(letta: httpx.Client) -> None:
    handles = [model["handle"] for model in letta.get("/v1/models/").json()]
    assert handles == ["openai-proxy/gpt-4o-mini"]


def test_blocks_are_found_by_their_tags_and_outlive_their_agent(letta: httpx.Client) -> None:
    tagged = {"label": "human", "value": "x", "tags": ["run:5"]}
    agent = letta.post("/v1/agents/", json={**CREATE, "memory_blocks": [tagged]}).json()
    alone = letta.post("/v1/blocks/", json={"label": "free", "value": "y", "tags": ["run:5"]}).json()
    assert agent["blocks"][0]["tags"] == []
    assert shape({**alone, "tags": [], "description": ""}) == shape(sample("block"))
    letta.delete(f"/v1/agents/{agent['id']}")
    found = letta.get("/v1/blocks/", params={"tags": "run:5"}).json()
    assert [block["id"] for block in found] == [alone["id"], agent["blocks"][0]["id"]]
    for block in found:
        assert letta.delete(f"/v1/blocks/{block['id']}").json() is None
    assert letta.get("/v1/blocks/", params={"tags": "run:5"}).json() == []
    assert letta.delete(f"/v1/blocks/{alone['id']}").status_code == 404
