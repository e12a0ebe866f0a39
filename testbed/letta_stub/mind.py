"""Where does a reply come from? Here: made up by the stub itself; `model_server.py` asks a model server instead."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import orjson

from testbed.letta_stub.defaults import OPERATIONS
from testbed.letta_stub.ids import new_id
from testbed.letta_stub.state import Agent
from testbed.llm_stub.embedding import embed
from testbed.stub.stage import Call

SYSTEM_PROMPT_TOKENS = 660  # a first message of the captured agent was counted as 669 tokens
CONTEXT_WINDOW_TOKENS = 32_000
TOKENS_PER_CHARACTER = 0.25  # the server's own approximation: bytes / 4
_TOOL_MARK = re.compile(r"\[tool:(\w+)\]")
_WORDS = (" and", " the", " plan", " is", " to", " keep", " it", " short", " so", " that", " you", " can")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants run; arguments are JSON text."""

    name: str
    arguments: str
    id: str


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a model: a text or a tool call, and what it cost."""

    text: str
    tool_call: ToolCall | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None  # None: the model server did not say
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked: the user's text, the tokens of the agent's context, and a tool call with its result."""

    text: str
    context_tokens: int
    tool_call: ToolCall | None = None
    tool_result: str | None = None


class Mind(Protocol):
    """Makes replies. Both methods take the service time of their part, and raise LlmError."""

    async def complete(self, call: Call, agent: Agent, prompt: Prompt) -> Completion:
        """Return a whole answer."""

    def stream(self, call: Call, agent: Agent, prompt: Prompt) -> AsyncGenerator[str | Completion, None]:
        """Yield the text piece by piece, and at the end the whole answer."""

    async def embedding(self, call: Call, text: str) -> np.ndarray[Any, Any]:
        """Return the embedding of a text."""


class OwnMind:
    """Replies without a model server: cheap, and its service times are the stub's own."""

    def __init__(self) -> None:
        self._replies = 0

    async def complete(self, call: Call, agent: Agent, prompt: Prompt) -> Completion:
        """Return a whole answer after the service time of the operation (of one that can stream: the last token's)."""
        del agent
        answer = self._answer(call, prompt)
        later_tokens = answer.completion_tokens - 1 if call.operation in OPERATIONS.streaming else 0
        await asyncio.sleep(call.service_s() + later_tokens * call.service_s("stream_token"))
        return answer

    async def stream(self, call: Call, agent: Agent, prompt: Prompt) -> AsyncGenerator[str | Completion, None]:
        """Yield the text token by token: the operation's service time before the first, `stream_token` between them."""
        del agent
        await asyncio.sleep(call.service_s())
        answer = self._answer(call, prompt)
        if answer.tool_call is None:
            gap_s = call.service_s("stream_token")
            for index, token in enumerate(tokens_of(answer.text)):
                if index:
                    await asyncio.sleep(gap_s)
                yield token
        yield answer

    async def embedding(self, call: Call, text: str) -> np.ndarray[Any, Any]:
        """Return the embedding that the LLM stub would return, too."""
        del call
        return embed(text)

    def _answer(self, call: Call, prompt: Prompt) -> Completion:
        wanted = _TOOL_MARK.search(prompt.text)
        prompt_tokens = prompt.context_tokens + tokens_in(prompt.text)
        if wanted and prompt.tool_result is None:
            arguments = orjson.dumps({"label": "human", "new_str": "likes tea"}).decode()
            tool_call = ToolCall(wanted[1], arguments, f"call_{new_id('x')[-12:]}")
            return Completion("", tool_call, prompt_tokens, 12)
        self._replies += 1
        size = max(1, int(call.behaviour.settings["reply_tokens"]))
        return Completion(_text(self._replies, prompt.text, size), None, prompt_tokens, size)


def tokens_of(text: str) -> list[str]:
    """Return the pieces in which a text is streamed: each word with the blank before it."""
    return re.findall(r"\s*\S+", text) or [text]


def tokens_in(text: str) -> int:
    """Return how many tokens Letta counts in a text."""
    return int(len(text) * TOKENS_PER_CHARACTER)


def _text(number: int, prompt: str, size: int) -> str:
    head = ["stub", " reply", f" #{number}", " to", f" {zlib.crc32(prompt.encode()):08x}"]
    filling = (_WORDS[index % len(_WORDS)] for index in range(size - len(head)))
    return "".join([*head, *filling][:size])
