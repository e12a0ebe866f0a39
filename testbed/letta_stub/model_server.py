"""How does the stub ask a model server for a reply, and what does it make of its errors?

Calls go out as Letta 0.16.4's OpenAI client sends them, retries included. Two things differ on purpose: the
`x-request-id` of the message goes along, so that the model stub draws the same time for the same request, and only the
last messages of a long history are sent.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from dataclasses import replace
from itertools import islice
from typing import Any

import aiohttp
import numpy as np
import orjson

from testbed.letta_stub.errors import (
    LlmError,
    llm_broken_stream,
    llm_connection_failure,
    llm_status_failure,
    llm_timeout,
    llm_unreadable,
)
from testbed.letta_stub.mind import Completion, Prompt, ToolCall, tokens_in
from testbed.letta_stub.models import LLM_PREFIX, Models
from testbed.letta_stub.state import Agent
from testbed.letta_stub.wording import BASE_TOOLS, SYSTEM
from testbed.stub.stage import Call

_HISTORY_MESSAGES = 10
_KEEP_ALIVE_S = 4.0  # less than the 5 s after which uvicorn closes, else some calls would meet a closing connection
_CONNECTIONS = 1000  # what the OpenAI client's pool allows
_CONNECT_S = 5.0  # the OpenAI client's own limit to connect
# The OpenAI client's own rules: retry on these and on 5xx, after 0.5 s doubled each time, at most 8 s, less up to 25 %.
_RETRIED = frozenset({408, 409, 429})
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_ROLES = {"user_message": "user", "assistant_message": "assistant"}

Json = dict[str, Any]


class ModelServerMissingError(Exception):
    """There is no model server where one was said to be."""


class ModelServerMind:
    """Replies from a model server; create it inside the event loop, and close it."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEEP_ALIVE_S),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        self._random = random.Random(0)  # noqa: S311  # jitter, not a secret

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def models(self) -> Models:
        """Return the models that the server lists; Letta asks for them once, at its start.

        Raises ModelServerMissingError.
        """
        try:
            async with self._session.get(f"{self._url}/models") as response:
                listed = orjson.loads(await response.read())["data"]
        except (aiohttp.ClientError, orjson.JSONDecodeError) as error:
            raise ModelServerMissingError(f"no model server at {self._url}: {error}") from error
        names = tuple(each["id"] for each in listed)
        embedding = tuple(name for name in names if "embedding" in name)
        return Models(tuple(name for name in names if name not in embedding), self._url, embedding)

    async def complete(self, call: Call, agent: Agent, prompt: Prompt) -> Completion:
        """Return a whole answer."""
        await asyncio.sleep(call.service_s())
        found = await self._ask(call, "/chat/completions", _chat_body(agent, prompt))
        message, usage = found["choices"][0]["message"], found["usage"]
        calls = message.get("tool_calls")
        tool_call = _tool_call(calls[0]) if calls else None
        return Completion(message["content"] or "", tool_call, usage["prompt_tokens"], usage["completion_tokens"])

    async def stream(self, call: Call, agent: Agent, prompt: Prompt) -> AsyncGenerator[str | Completion, None]:
        """Yield the text as the server sends it, and at the end the whole answer."""
        await asyncio.sleep(call.service_s())
        body = {**_chat_body(agent, prompt), "stream": True, "stream_options": {"include_usage": True}}
        usage: Json = {"prompt_tokens": tokens_in(prompt.text), "completion_tokens": 0}
        text, tool_call = "", None
        async with (await self._post(call, "/chat/completions", body))[0] as response:
            async for chunk in _chunks(response):
                usage = chunk.get("usage") or usage
                delta = chunk["choices"][0]["delta"] if chunk["choices"] else {}
                if delta.get("tool_calls"):
                    tool_call = _tool_call(delta["tool_calls"][0])
                if delta.get("content"):
                    text += delta["content"]
                    yield delta["content"]
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
        reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
        yield Completion(text, tool_call, usage["prompt_tokens"], usage["completion_tokens"], cached, reasoning)

    async def embedding(self, call: Call, text: str) -> np.ndarray[Any, Any]:
        """Return the embedding that the server gives."""
        body = {"model": "text-embedding-3-small", "input": [text]}
        found = await self._ask(call, "/embeddings", body)
        return np.array(found["data"][0]["embedding"], dtype=np.float32)

    async def _ask(self, call: Call, path: str, body: Json) -> Json:
        _, answer = await self._post(call, path, body, whole=True)
        try:
            return dict(json.loads(answer.decode(errors="replace")))  # as the OpenAI client reads it, and complains
        except json.JSONDecodeError as error:
            raise llm_unreadable(str(error)) from error

    async def _post(
        self, call: Call, path: str, body: Json, *, whole: bool = False
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """Return a response with status 200, and its body if it is wanted whole. Raises LlmError after the retries."""
        retries = int(call.behaviour.settings["llm_retries"])
        for attempt in range(retries + 1):
            try:
                return await self._post_once(call, path, body, whole=whole)
            except _PassingError as error:
                if attempt == retries:
                    raise error.lasting from error
                pause_s = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
                await asyncio.sleep(pause_s * (1 - 0.25 * self._random.random()))
        raise RuntimeError("unreachable: the last attempt returns or raises")

    async def _post_once(
        self, call: Call, path: str, body: Json, *, whole: bool
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        timeout_s = call.behaviour.settings["llm_timeout_s"]
        headers = {"content-type": "application/json"}
        if call.request_id:
            headers["x-request-id"] = call.request_id
        try:
            response = await self._session.post(
                self._url + path,
                data=orjson.dumps(body),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_read=timeout_s, sock_connect=_CONNECT_S),
            )
            if response.status == 200:
                return response, await response.read() if whole else b""
            text = await response.text()
        except TimeoutError as error:
            raise _PassingError(llm_timeout()) from error
        except aiohttp.ClientError as error:
            raise _PassingError(llm_connection_failure()) from error
        failure = llm_status_failure(response.status, _as_python(text))
        if response.status in _RETRIED or response.status >= 500:
            raise _PassingError(failure)
        raise failure


class _PassingError(Exception):
    """An attempt failed in a way that may pass; `lasting` is what to raise when it does not."""

    def __init__(self, lasting: LlmError) -> None:
        super().__init__(lasting.detail)
        self.lasting = lasting


async def _chunks(response: aiohttp.ClientResponse) -> AsyncGenerator[Json, None]:
    try:
        async for line in response.content:
            line.decode()  # as the OpenAI client does with lines that it then ignores
            if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                continue
            chunk = orjson.loads(line[6:])
            if "error" in chunk:
                raise replace(llm_unreadable(chunk["error"]["message"]), is_broken_stream=True)
            yield chunk
    except TimeoutError as error:
        raise replace(llm_timeout(), is_broken_stream=True) from error
    except aiohttp.ClientError as error:
        raise replace(llm_broken_stream(), is_broken_stream=True) from error
    except (orjson.JSONDecodeError, UnicodeDecodeError) as error:
        raise replace(llm_unreadable(str(error)), is_broken_stream=True) from error


def _chat_body(agent: Agent, prompt: Prompt) -> Json:
    newest = list(islice(reversed(agent.thread.messages), _HISTORY_MESSAGES))[::-1]
    history = [
        {"role": _ROLES[message["message_type"]], "content": message["content"]}
        for message in newest
        if message["message_type"] in _ROLES
    ]
    messages: list[Json] = [{"role": "system", "content": agent.system or SYSTEM}, *history]
    messages.append({"role": "user", "content": prompt.text})
    if prompt.tool_call is not None:
        said = {"name": prompt.tool_call.name, "arguments": prompt.tool_call.arguments}
        asked = [{"id": prompt.tool_call.id, "type": "function", "function": said}]
        messages.append({"role": "assistant", "content": None, "tool_calls": asked})
        messages.append({"role": "tool", "tool_call_id": prompt.tool_call.id, "content": prompt.tool_result})
    tools = [{"type": "function", "function": tool["json_schema"]} for tool in BASE_TOOLS]
    return {"model": agent.model.removeprefix(LLM_PREFIX), "messages": messages, "tools": tools}


def _tool_call(found: Json) -> ToolCall:
    return ToolCall(found["function"]["name"], found["function"]["arguments"], found["id"])


def _as_python(text: str) -> str:
    """Return a JSON error body the way it stands in the text of the OpenAI client's exceptions."""
    try:
        return repr(orjson.loads(text))
    except orjson.JSONDecodeError:
        return text
