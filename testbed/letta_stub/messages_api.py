"""Answers to requests that send a message to an agent or read its messages."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from testbed.letta_stub import requests
from testbed.letta_stub.agents_api import window
from testbed.letta_stub.errors import LlmError, busy, detail
from testbed.letta_stub.house import House
from testbed.letta_stub.requests import MessageRequest
from testbed.letta_stub.shapes import run_state
from testbed.letta_stub.state import Agent, Run, Thread
from testbed.letta_stub.turn import Delivery, Turn, events, whole_answer
from testbed.letta_stub.wire import event, is_content, ping
from testbed.stub.stage import Answer, Call, Reply, Stream, json_reply

_Pieces = AsyncGenerator[bytes, None]
_NO_REDIS = (
    "INTERNAL_SERVER_ERROR: Background streaming requires Redis to be running. Please ensure Redis is properly "
    "configured. LETTA_REDIS_HOST: None, LETTA_REDIS_PORT: 6379"
)


class MessagesApi:
    """Handlers; each refuses with a reply of the real server's form."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._background: set[asyncio.Task[None]] = set()

    async def send(self, call: Call) -> Answer:
        """POST /v1/agents/{agent_id}/messages: whole, unless `streaming` is true (for clients that may)."""
        agent = self._house.agent(call)
        request = requests.message_request(call, streaming=False)
        requests.refuse_empty(request)
        requests.refuse_stray_streaming_options(request)
        if request.streaming:
            requests.refuse_old_clients(call)
            return self._stream(call, agent, agent.thread, request)
        return await self._whole(call, agent, agent.thread, request)

    async def stream(self, call: Call) -> Answer:
        """POST /v1/agents/{agent_id}/messages/stream."""
        agent = self._house.agent(call)
        return self._stream(call, agent, agent.thread, requests.message_request(call, streaming=True))

    def send_async(self, call: Call) -> Reply:
        """POST /v1/agents/{agent_id}/messages/async: the answer is the run, the work goes on behind it."""
        agent = self._house.agent(call)
        request = requests.message_request(call, streaming=False)
        run = self._house.store.add_run(Run(agent.id, background=True, run_type="send_message_async"))
        answer = json_reply(run_state(run))
        self._house.telemetry.user_message()
        task = asyncio.get_running_loop().create_task(
            self._work(replace(call, operation="messages"), agent, request, run)
        )
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return answer

    async def send_to_conversation(self, call: Call) -> Answer:
        """POST /v1/conversations/{conversation_id}/messages: a stream unless `streaming` is false."""
        conversation = self._house.conversation(call)
        agent = self._house.store.agents[conversation.agent_id]
        request = requests.message_request(call, streaming=True)
        requests.refuse_empty(request)
        if request.streaming:
            return self._stream(call, agent, conversation.thread, request)
        return await self._whole(call, agent, conversation.thread, request)

    def list(self, call: Call) -> Reply:
        """GET /v1/agents/{agent_id}/messages: those of its conversations, too."""
        agent = self._house.store.agents.get(requests.agent_id(call))
        if agent is None:
            raise detail(404, "Agent not found")
        return json_reply(_page(agent.log, call, oldest_first=True))

    def list_of_conversation(self, call: Call) -> Reply:
        """GET /v1/conversations/{conversation_id}/messages: newest first, other than those of an agent."""
        return json_reply(_page(self._house.conversation(call).thread.messages, call, oldest_first=False))

    async def _whole(self, call: Call, agent: Agent, thread: Thread, request: MessageRequest) -> Reply:
        turn = self._turn(call, agent, thread, request, "whole")
        try:
            return json_reply(await whole_answer(turn, self._house.mind, self._house.store))
        except LlmError as failure:
            turn.run.end("llm_api_error")
            return failure.reply()

    def _stream(self, call: Call, agent: Agent, thread: Thread, request: MessageRequest) -> Stream:
        if request.background and not self._house.has_redis:
            raise detail(503, _NO_REDIS)
        # Only streams of conversations are locked, and only with Redis: an agent takes any number of messages at once.
        is_locked = self._house.has_redis and thread.conversation_id is not None
        if is_locked and thread.is_busy:
            raise busy()
        thread.is_busy = is_locked
        delivery: Delivery = "tokens" if request.stream_tokens else "steps"
        turn = self._turn(call, agent, thread, request, delivery)
        pieces = events(turn, self._house.mind, self._house.store)
        if request.include_pings:
            pieces = _with_pings(pieces, call.behaviour.settings["ping_interval_s"], turn.run.id)
        return Stream(pieces, on_end=thread.free, is_content=is_content)

    def _turn(self, call: Call, agent: Agent, thread: Thread, request: MessageRequest, delivery: Delivery) -> Turn:
        self._house.telemetry.user_message()
        run_type = "send_message" if thread.conversation_id is None else "send_conversation_message"
        run = Run(agent.id, conversation_id=thread.conversation_id, run_type=run_type, status="running")
        self._house.store.add_run(run)
        return Turn(call, agent, thread, request, run, delivery)

    async def _work(self, call: Call, agent: Agent, request: MessageRequest, run: Run) -> None:
        ledger = self._house.controls.ledger
        ledger.message_begins(agent.id)
        run.status = "running"
        try:
            await whole_answer(
                Turn(call, agent, agent.thread, request, run, "whole"), self._house.mind, self._house.store
            )
        except LlmError:
            run.end("llm_api_error")
        finally:
            ledger.message_ends(agent.id)


async def _with_pings(
    pieces: AsyncGenerator[bytes, None], interval_s: float, run_id: str
) -> AsyncGenerator[bytes, None]:
    """Yield the pieces, and a ping whenever none came for `interval_s`."""
    following = asyncio.ensure_future(anext(pieces, None))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=interval_s)
            if not done:
                yield event(ping(run_id))
                continue
            piece = following.result()
            if piece is None:
                return
            following = asyncio.ensure_future(anext(pieces, None))
            yield piece
    finally:
        following.cancel()


def _page(messages: deque[dict[str, Any]], call: Call, *, oldest_first: bool) -> list[dict[str, Any]]:
    """Return the page that `limit`, `after`, `before` and `order` select (default: the newest)."""
    listed = list(messages)
    newest_first = requests.text_query(call, "order") != "asc"
    if newest_first:
        listed.reverse()
    page = [listed[index] for index in window([message["id"] for message in listed], call, default_limit=100)]
    if newest_first and oldest_first:
        page.reverse()
    return page
