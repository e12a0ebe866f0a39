"""The LLM stub answers as an OpenAI-compatible server does, and fails as one when told to."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from testbed.process import python_part, start

AT_ONCE = {"service_times": {"*": 0, "first_token": 0, "stream_token": 0}}
HELLO = [{"role": "user", "content": "hello"}]


@dataclass(frozen=True, slots=True)
class Model:
    main: httpx.Client
    control: httpx.Client

    def chat(self, messages: list[dict[str, Any]], **more: Any) -> httpx.Response:
        return self.main.post("/v1/chat/completions", json={"model": "gpt-4o-mini", "messages": messages, **more})

    def embeddings(self, **body: Any) -> Any:
        return self.main.post("/v1/embeddings", json={"model": "text-embedding-3-small", **body}).json()


@pytest.fixture(scope="module")
def shared_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    with (
        start("llm-stub", python_part("testbed.llm_stub"), log_dir=tmp_path_factory.mktemp("logs")) as part,
        httpx.Client(base_url=part.announced["url"], timeout=10) as main,
        httpx.Client(base_url=part.announced["control"], timeout=10) as control,
    ):
        assert part.announced["part"] == "llm-stub"
        yield Model(main, control)


@pytest.fixture
def model(shared_model: Model) -> Model:
    shared_model.control.put("/behaviour", json=AT_ONCE)
    shared_model.control.delete("/ledger")
    return shared_model


def chunks(text: str) -> list[Any]:
    lines = text.strip().split("\n\n")
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))  # the vectors have length 1


def test_a_chat_is_answered_with_a_text_and_its_usage(model: Model) -> None:
    body = model.chat(HELLO).json()
    assert body["object"] == "chat.completion"
    choice = body["choices"][0]
    assert (choice["finish_reason"], choice["message"]["role"]) == ("stop", "assistant")
    assert choice["message"]["content"].startswith("stub model #")
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    assert body["usage"]["completion_tokens"] == 24


def test_a_reply_is_no_longer_than_the_request_allows(model: Model) -> None:
    assert model.chat(HELLO, max_completion_tokens=3).json()["usage"]["completion_tokens"] == 3


def test_a_streamed_chat_has_a_role_first_then_pieces_then_the_reason_then_the_usage(model: Model) -> None:
    reply = model.chat(HELLO, stream=True, stream_options={"include_usage": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    found = chunks(reply.text)
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": "stub"}
    assert all(set(each["choices"][0]["delta"]) == {"content"} for each in found[1:24])
    assert (found[-2]["choices"][0]["delta"], found[-2]["choices"][0]["finish_reason"]) == ({}, "stop")
    assert (found[-1]["choices"], found[-1]["usage"]["completion_tokens"]) == ([], 24)
    assert {each["object"] for each in found} == {"chat.completion.chunk"}


def test_usage_is_not_streamed_unless_asked_for(model: Model) -> None:
    assert all("usage" not in each for each in chunks(model.chat(HELLO, stream=True).text))


@pytest.mark.parametrize("stream", [False, True])
def test_a_marked_prompt_is_answered_with_a_tool_call_and_its_result_with_a_text(model: Model, stream: bool) -> None:
    asked = [{"role": "user", "content": "please [tool:memory_insert] I like tea"}]
    reply = model.chat(asked, stream=stream)
    first = chunks(reply.text)[0]["choices"][0]["delta"] if stream else reply.json()["choices"][0]["message"]
    call = first["tool_calls"][0]
    assert (call["type"], call["function"]["name"]) == ("function", "memory_insert")
    assert json.loads(call["function"]["arguments"]) == {"label": "human", "new_str": "likes tea"}
    answered: list[dict[str, Any]] = [
        *asked,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "done"},
    ]
    assert model.chat(answered).json()["choices"][0]["finish_reason"] == "stop"


def test_embeddings_depend_on_the_text_only_and_are_close_when_words_are_shared(model: Model) -> None:
    found = model.embeddings(input=["the sky is blue", "the sky was blue", "tea is hot", "the sky is blue"])
    sky, same_sky, tea, again = (each["embedding"] for each in found["data"])
    assert len(sky) == 1536
    assert sky == again
    assert cosine(sky, sky) == pytest.approx(1.0, abs=1e-3)
    assert cosine(sky, same_sky) > cosine(sky, tea) + 0.2


def test_embeddings_in_base64_are_the_same_numbers(model: Model) -> None:
    plain = model.embeddings(input="hello")["data"][0]["embedding"]
    coded = model.embeddings(input="hello", encoding_format="base64")["data"][0]["embedding"]
    assert struct.unpack("<1536f", base64.b64decode(coded)) == pytest.approx(plain)


def test_the_models_on_offer_are_listed(model: Model) -> None:
    body = model.main.get("/v1/models").json()
    assert body["object"] == "list"
    assert {"gpt-4o-mini", "text-embedding-3-small"} <= {each["id"] for each in body["data"]}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/chat/completions", b"{", 400),
        ("/v1/chat/completions", b"{}", 400),
        ("/v1/chat/completions", b'{"model":"none","messages":[{"role":"user","content":"x"}]}', 404),
        ("/v1/embeddings", b'{"input":[]}', 400),
        ("/v1/embeddings", b"[]", 400),
        ("/v1/embeddings", b'{"input":"x","dimensions":"many"}', 400),
        ("/v1/nothing", b"{}", 404),
    ],
)
def test_what_cannot_be_served_is_an_error_in_the_form_of_openai(
    model: Model, path: str, body: bytes, status: int
) -> None:
    reply = model.main.post(path, content=body)
    assert reply.status_code == status
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_a_status_fault_is_an_error_in_the_form_of_openai(model: Model, status: int) -> None:
    model.control.patch(
        "/behaviour", json={"faults": [{"operation": "chat", "kind": "status", "status": status, "remaining": 1}]}
    )
    reply = model.chat(HELLO)
    assert reply.status_code == status
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert model.chat(HELLO).status_code == 200


def test_an_error_in_a_stream_ends_it_without_done(model: Model) -> None:
    model.control.patch(
        "/behaviour", json={"faults": [{"operation": "chat", "kind": "error_in_stream", "remaining": 1}]}
    )
    reply = model.chat(HELLO, stream=True)
    assert reply.status_code == 200
    assert json.loads(reply.text.removeprefix("data: "))["error"]["type"] == "server_error"


def test_a_dropped_and_a_hanging_chat_give_no_answer(model: Model) -> None:
    faults = [{"operation": "chat", "kind": "drop", "remaining": 1}, {"kind": "hang", "remaining": 1}]
    model.control.patch("/behaviour", json={"faults": faults})
    with pytest.raises(httpx.ReadError):
        model.chat(HELLO)
    with pytest.raises(httpx.ReadTimeout):
        model.main.get("/v1/models", timeout=0.2)


def test_the_ledger_counts_calls_by_operation(model: Model) -> None:
    model.chat(HELLO)
    model.embeddings(input="x")
    counters = model.control.get("/ledger/counters").json()
    assert counters["requests_by_operation"] == {"chat": 1, "embeddings": 1}
