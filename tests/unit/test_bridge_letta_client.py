from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from testbed.bridge.counters import Counters
from testbed.bridge.letta_client import LettaClient, LettaFailure, assistant_text
from tests.bridge_counters import silent

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _send_to_a_fake_letta(handler: Handler, *, timeout_s: float = 5.0, api_key: str = "") -> str:
    """Send one message to a fake Letta, which is nothing but `handler`."""

    async def scenario() -> str:
        app = web.Application()
        app.router.add_post("/v1/agents/{agent}/messages", handler)
        runner = web.AppRunner(app, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        url = f"http://127.0.0.1:{port}"
        client = LettaClient(url, api_key, connections=2, counters=Counters(), telemetry=silent())
        try:
            return await client.send_message("agent-1", "hi", headers={"x-request-id": "t"}, timeout_s=timeout_s)
        finally:
            await client.close()
            await runner.cleanup()

    return asyncio.run(scenario())


def _failure_of_a_fake_letta(handler: Handler, *, timeout_s: float = 5.0) -> LettaFailure:
    with pytest.raises(LettaFailure) as caught:
        _send_to_a_fake_letta(handler, timeout_s=timeout_s)
    return caught.value


def test_a_message_is_sent_in_the_form_of_letta_0_16_with_the_key_and_the_request_id() -> None:
    seen: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(body=await request.json(), headers=request.headers.copy(), path=request.path)
        return web.json_response({"messages": [{"message_type": "assistant_message", "content": "hello"}]})

    assert _send_to_a_fake_letta(handler, api_key="key") == "hello"
    assert seen["path"] == "/v1/agents/agent-1/messages"
    assert seen["body"] == {"messages": [{"role": "user", "content": "hi"}]}
    assert seen["headers"]["Authorization"] == "Bearer key"
    assert seen["headers"]["x-request-id"] == "t"


@pytest.mark.parametrize(
    ("status", "retryable", "is_sick"),
    [(500, True, True), (502, True, True), (503, True, True), (504, True, True), (429, True, False)]
    + [(status, False, False) for status in (400, 401, 409, 422)],
)
def test_only_passing_troubles_are_worth_a_retry(status: int, retryable: bool, is_sick: bool) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"detail": "no"}, status=status, headers={"Retry-After": "2"})

    failure = _failure_of_a_fake_letta(handler)
    assert (failure.kind, failure.retryable, failure.is_sick) == (f"http_{status}", retryable, is_sick)
    assert failure.retry_after_s == 2.0


def test_a_missing_agent_is_told_from_other_refusals() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"detail": "Agent with ID agent-1 not found"}, status=404)

    failure = _failure_of_a_fake_letta(handler)
    assert failure.agent_is_missing
    assert not failure.retryable


def test_a_hanging_letta_is_left_in_time_and_the_call_is_cancelled() -> None:
    cancelled = []

    async def handler(_: web.Request) -> web.Response:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return web.Response()

    failure = _failure_of_a_fake_letta(handler, timeout_s=0.1)
    assert (failure.kind, failure.retryable, failure.is_sick) == ("timeout", False, True)
    assert cancelled


def test_a_dropped_connection_is_worth_a_retry() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    failure = _failure_of_a_fake_letta(handler)
    assert (failure.kind, failure.retryable) == ("connection", True)


def test_a_truncated_answer_is_not_retried_since_letta_has_the_message() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "500"})
        await response.prepare(request)
        await response.write(b'{"messages": [')
        assert request.transport is not None
        request.transport.close()
        return response

    failure = _failure_of_a_fake_letta(handler)
    assert (failure.kind, failure.retryable, failure.is_sick) == ("truncated", False, True)


@pytest.mark.parametrize("body", ["<html>", "", "[]", '{"messages": null}', '"text"'])
def test_an_answer_of_another_shape_is_a_failure_and_never_shown_to_the_user(body: str) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    failure = _failure_of_a_fake_letta(handler)
    assert (failure.kind, failure.retryable) == ("bad_body", False)


def test_the_text_is_what_the_assistant_says_and_nothing_else() -> None:
    body = {
        "messages": [
            {"message_type": "reasoning_message", "content": "thinking"},
            {"message_type": "tool_call_message", "tool_call": {"name": "memory_insert"}},
            {"message_type": "assistant_message", "content": "one"},
            {"message_type": "assistant_message", "content": [{"type": "text", "text": "two"}, {"type": "image"}]},
        ]
    }
    assert assistant_text(body) == "one\ntwo"


def test_an_assistant_that_says_nothing_is_a_failure_but_no_sign_of_illness() -> None:
    with pytest.raises(LettaFailure) as caught:
        assistant_text({"messages": [{"message_type": "tool_return_message", "tool_return": "ok"}]})
    assert caught.value.kind == "no_reply"
    assert not caught.value.is_sick
