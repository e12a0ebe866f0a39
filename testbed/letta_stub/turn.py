"""What happens when an agent gets a message: which messages come of it, what do they cost, what is remembered?"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

import orjson

from testbed.letta_stub.errors import LlmError
from testbed.letta_stub.ids import new_id
from testbed.letta_stub.mind import (
    CONTEXT_WINDOW_TOKENS,
    SYSTEM_PROMPT_TOKENS,
    Completion,
    Mind,
    Prompt,
    ToolCall,
    tokens_in,
)
from testbed.letta_stub.requests import MessageRequest
from testbed.letta_stub.state import Agent, Run, Step, Store, Thread
from testbed.letta_stub.wire import event, message, system_message
from testbed.stub.stage import Call

Json = dict[str, Any]
Delivery = Literal["whole", "steps", "tokens"]


@dataclass(slots=True)
class Turn:
    """One message on its way through an agent; iterate `messages`, then read `usage` and `stop_reason`."""

    call: Call
    agent: Agent
    thread: Thread
    request: MessageRequest
    run: Run
    delivery: Delivery
    stop_reason: str = "end_turn"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    steps: int = 0
    _new: list[Json] = field(default_factory=list)

    async def messages(self, mind: Mind, store: Store) -> AsyncGenerator[Json, None]:
        """Yield messages in their wire form as they come to be; with delivery `tokens`, the reply in pieces.

        Raises LlmError; the agent then remembers nothing of the turn.
        """
        prompt = Prompt(self.request.text, self._context_tokens())
        while True:
            step_id, began_ns, tool_ns = new_id("step"), time.monotonic_ns(), None
            self.steps += 1
            completion: Completion | None = None
            reply_id = new_id("message")
            async for piece in self._ask(mind, prompt):
                if isinstance(piece, Completion):
                    completion = piece
                elif self.delivery == "tokens":
                    yield self._assistant(reply_id, step_id, piece)
            if completion is None:
                raise RuntimeError("a mind ended without an answer")
            llm_ns = time.monotonic_ns() - began_ns
            self.prompt_tokens += completion.prompt_tokens
            self.completion_tokens += completion.completion_tokens
            self.cached_tokens = _sum(self.cached_tokens, completion.cached_tokens)
            self.reasoning_tokens = _sum(self.reasoning_tokens, completion.reasoning_tokens)
            if self.steps == 1:
                self._new.append(self._user(step_id))
            if completion.tool_call is not None:
                asked = self._tool_call(reply_id, step_id, completion.tool_call)
                # A quirk of the real server: streamed in tokens, the list of calls is the one call itself.
                yield {**asked, "tool_calls": asked["tool_call"]} if self.delivery == "tokens" else asked
                result, tool_ns = await self._run_tool(completion.tool_call)
                returned = self._tool_return(step_id, completion.tool_call, result)
                yield returned
                self._new += [asked, returned]
                prompt = Prompt(self.request.text, prompt.context_tokens, completion.tool_call, result)
            else:
                reply = self._assistant(reply_id, step_id, completion.text)
                self._new.append(reply)
                if self.delivery != "tokens":
                    yield reply
            whole_ns = time.monotonic_ns() - began_ns
            store.add_step(Step(step_id, self.run.id, self.agent.id, llm_ns, tool_ns, whole_ns))
            if completion.tool_call is None or self.steps >= self.request.max_steps:
                self.stop_reason = "end_turn" if completion.tool_call is None else "max_steps"
                self._remember(completion.text)
                return

    def usage(self) -> Json:
        """Return the usage statistics of the turn; a token stream tells of the cache what the model server told."""
        is_whole = self.delivery != "tokens"
        return {
            "message_type": "usage_statistics",
            "completion_tokens": self.completion_tokens,
            "prompt_tokens": self.prompt_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "step_count": self.steps,
            "run_ids": None,
            "cached_input_tokens": 0 if is_whole else self.cached_tokens,
            "cache_write_tokens": 0 if is_whole else None,
            "reasoning_tokens": 0 if is_whole else self.reasoning_tokens,
        }

    def stop(self) -> Json:
        """Return the stop reason as a message."""
        return {"message_type": "stop_reason", "stop_reason": self.stop_reason}

    async def _ask(self, mind: Mind, prompt: Prompt) -> AsyncGenerator[str | Completion, None]:
        if self.delivery != "tokens":
            yield await mind.complete(self.call, self.agent, prompt)
            return
        async for piece in mind.stream(self.call, self.agent, prompt):
            yield piece

    async def _run_tool(self, tool_call: ToolCall) -> tuple[str, int]:
        began_ns = time.monotonic_ns()
        await asyncio.sleep(self.call.service_s("tool"))
        arguments = orjson.loads(tool_call.arguments)
        block = self.agent.blocks.get(str(arguments.get("label")))
        if tool_call.name == "memory_insert" and block is not None:
            block.value = f"{block.value}\n{arguments.get('new_str', '')}"[: block.limit]
            result = f"Block `{block.label}` was edited."
        else:
            result = f"{tool_call.name} ran."
        return result, time.monotonic_ns() - began_ns

    def _context_tokens(self) -> int:
        blocks = sum(tokens_in(block.value) for block in self.agent.blocks.values())
        return min(SYSTEM_PROMPT_TOKENS + blocks + self.thread.tokens, CONTEXT_WINDOW_TOKENS)

    def _remember(self, reply: str) -> None:
        if self.thread.conversation_id is not None and not self.thread.messages:
            self._new.insert(0, system_message(new_id("message"), self.agent.system))
        self.thread.messages.extend(self._new)
        self.agent.log.extend(self._new)
        self.thread.tokens += tokens_in(self.request.text) + tokens_in(reply)
        self.agent.last_stop_reason = self.stop_reason
        self.run.steps = self.steps
        self.run.end(self.stop_reason)

    def _assistant(self, message_id: str, step_id: str, text: str) -> Json:
        return message("assistant_message", message_id, step_id=step_id, run_id=self.run.id, content=text)

    def _user(self, step_id: str) -> Json:
        text = self.request.text
        sent = message("user_message", new_id("message"), step_id=step_id, run_id=self.run.id, content=text)
        return {**sent, "otid": str(uuid4()) if self.request.is_plain else None}

    def _tool_call(self, message_id: str, step_id: str, tool_call: ToolCall) -> Json:
        said = {"name": tool_call.name, "arguments": tool_call.arguments, "tool_call_id": tool_call.id}
        ids = {"step_id": step_id, "run_id": self.run.id}
        return message("tool_call_message", message_id, **ids, tool_call=said, tool_calls=[said])

    def _tool_return(self, step_id: str, tool_call: ToolCall, result: str) -> Json:
        said = {
            "tool_return": result,
            "status": "success",
            "tool_call_id": tool_call.id,
            "stdout": None,
            "stderr": None,
        }
        ids = {"step_id": step_id, "run_id": self.run.id}
        returned = message("tool_return_message", new_id("message"), **ids, **said)
        return {**returned, "name": tool_call.name, "tool_returns": [{"type": "tool", **said}]}


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else (one or 0) + other


async def whole_answer(turn: Turn, mind: Mind, store: Store) -> Json:
    """Return the body of an answer that does not stream. Raises LlmError."""
    messages = [sent async for sent in turn.messages(mind, store)]
    return {"messages": messages, "stop_reason": turn.stop(), "usage": turn.usage()}


async def events(turn: Turn, mind: Mind, store: Store) -> AsyncGenerator[bytes, None]:
    """Yield the server-sent events of a streamed answer; a failure of the model ends it with the error event."""
    numbers = itertools.count(1)
    has_begun = False
    try:
        async for sent in turn.messages(mind, store):
            has_begun = True
            # Only the events of a background stream are numbered: they can be asked for again.
            yield event({**sent, "seq_id": next(numbers)} if turn.request.background else sent)
    except LlmError as failure:
        turn.run.end("llm_api_error")
        for piece in failure.events(turn.run.id, has_begun=has_begun):
            yield piece
        return
    yield event(turn.stop())
    yield event(turn.usage())
    yield b"data: [DONE]\n\n"
