"""What does the stub answer to a chat: a text or a tool call, whole or in pieces?

A prompt with a mark such as `[tool:memory_insert]` is answered with a call of that tool; when the tool's result is in
the conversation after it, with a text.
"""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from testbed.llm_stub.openai_errors import refusal
from testbed.stub.stage import Answer, Call, Stream, json_reply

MODELS = ("gpt-4o-mini", "gpt-4o")
_TOOL_MARK = re.compile(r"\[tool:(\w+)\]")
_WORDS = (" what", " you", " say", " makes", " sense", " and", " I", " will", " keep", " it", " in", " mind")
_TOOL_ARGUMENTS = {
    "memory_insert": {"label": "human", "new_str": "likes tea"},
    "memory_replace": {"label": "human", "old_str": "likes tea", "new_str": "likes coffee"},
    "conversation_search": {"query": "tea"},
    "archival_memory_insert": {"content": "likes tea"},
    "archival_memory_search": {"query": "tea"},
}
_TOOL_CALL_TOKENS = 12

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What of a chat request matters to the stub."""

    model: str
    prompt: str
    wants_tool: str | None
    prompt_tokens: int
    stream: bool
    with_usage: bool
    max_tokens: int | None


class Chat:
    """The handler of POST /v1/chat/completions."""

    def __init__(self) -> None:
        self._replies = 0

    async def answer(self, call: Call) -> Answer:
        """Return a completion, or a stream of its pieces."""
        request = parse_chat(call.body)
        self._replies += 1
        if request.stream:
            return Stream(self._pieces(call, request))
        await asyncio.sleep(call.service_s())
        return json_reply(self._whole(call, request))

    def _whole(self, call: Call, request: ChatRequest) -> Json:
        message: Json = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
        if request.wants_tool is not None:
            message["tool_calls"] = [_tool_call(request.wants_tool)]
            finish, used = "tool_calls", _TOOL_CALL_TOKENS
        else:
            words = self._words(call, request)
            message["content"] = "".join(words)
            finish, used = "stop", len(words)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return {**_head(request, "chat.completion"), "choices": [choice], "usage": _usage(request, used)}

    async def _pieces(self, call: Call, request: ChatRequest) -> AsyncGenerator[bytes, None]:
        head = _head(request, "chat.completion.chunk")
        await asyncio.sleep(call.service_s("first_token"))
        if request.wants_tool is not None:
            finish, used = "tool_calls", _TOOL_CALL_TOKENS
            delta = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"index": 0, **_tool_call(request.wants_tool)}],
            }
            yield _chunk(head, delta)
        else:
            words = self._words(call, request)
            finish, used = "stop", len(words)
            gap_s = call.service_s("stream_token")
            yield _chunk(head, {"role": "assistant", "content": words[0]})
            for word in words[1:]:
                await asyncio.sleep(gap_s)
                yield _chunk(head, {"content": word})
        yield _chunk(head, {}, finish)
        if request.with_usage:
            yield b"data: " + orjson.dumps({**head, "choices": [], "usage": _usage(request, used)}) + b"\n\n"
        yield b"data: [DONE]\n\n"

    def _words(self, call: Call, request: ChatRequest) -> list[str]:
        size = max(1, min(int(call.behaviour.settings["reply_tokens"]), request.max_tokens or 10**6))
        head = ["stub", " model", f" #{self._replies}", " to", f" {zlib.crc32(request.prompt.encode()):08x}"]
        return [*head, *(_WORDS[index % len(_WORDS)] for index in range(size - len(head)))][:size]


def parse_chat(body: bytes) -> ChatRequest:
    """Return what a body asks for; refuses with 400 or 404 in OpenAI's form."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise refusal(400, "We could not parse the JSON body of your request.") from error
    messages = found.get("messages") if isinstance(found, dict) else None
    if not isinstance(messages, list) or not messages:
        raise refusal(400, "Missing required parameter: 'messages'.", "messages")
    model = found.get("model")
    if model not in MODELS:
        raise refusal(404, f"The model `{model}` does not exist or you do not have access to it.")
    prompt, wants_tool = _wish(messages)
    return ChatRequest(
        model=model,
        prompt=prompt,
        wants_tool=wants_tool,
        prompt_tokens=sum(len(_text(message)) for message in messages) // 4,
        stream=bool(found.get("stream")),
        with_usage=bool((found.get("stream_options") or {}).get("include_usage")),
        max_tokens=found.get("max_completion_tokens") or found.get("max_tokens"),
    )


def _wish(messages: list[Any]) -> tuple[str, str | None]:
    """Return the last thing that the user said, and the tool that it asks for unless that tool has answered since."""
    for message in reversed(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role == "tool":
            return "(tool result)", None
        if role == "user":
            prompt = _text(message)
            mark = _TOOL_MARK.search(prompt)
            return prompt, mark[1] if mark else None
    return "", None


def _text(message: object) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return ""


def _tool_call(name: str) -> Json:
    arguments = orjson.dumps(_TOOL_ARGUMENTS.get(name, {})).decode()
    return {"id": f"call_{uuid4().hex[:20]}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _head(request: ChatRequest, kind: str) -> Json:
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": request.model,
        "service_tier": "default",
        "system_fingerprint": "fp_stub",
    }


def _chunk(head: Json, delta: Json, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return b"data: " + orjson.dumps({**head, "choices": [choice]}) + b"\n\n"


def _usage(request: ChatRequest, completion_tokens: int) -> Json:
    return {
        "prompt_tokens": request.prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": request.prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
