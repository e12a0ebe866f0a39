"""How does one call to Letta go, and what kind of failure is it when it does not?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import aiohttp
import orjson
from letta_otel.bridge import BridgeTelemetry
from letta_otel.sending import LettaCall

from testbed.bridge.counters import Counters

_RETRYABLE_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
_SICK_STATUSES: Final = frozenset({500, 502, 503, 504})  # 429 asks for patience; it does not say that Letta is down
_AGENTS: Final = "/v1/agents/"
_MESSAGES: Final = "/v1/agents/{agent_id}/messages"
_KEEP_ALIVE_S: Final = 4.0  # Letta drops idle connections after 5 s; a call on such a one would fail for nothing


class LettaFailure(Exception):  # noqa: N818 (the field's word; not every one is an error of ours)
    """A call to Letta did not bring what was asked for.

    `retryable`: the same call may succeed a little later and cannot have taken effect twice. `is_sick`: counts against
    Letta's health. `agent_is_missing`: Letta does not know the agent.
    """

    def __init__(
        self,
        kind: str,
        *,
        retryable: bool = False,
        is_sick: bool = True,
        agent_is_missing: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.retryable = retryable
        self.is_sick = is_sick
        self.agent_is_missing = agent_is_missing
        self.retry_after_s = retry_after_s


class LettaClient:
    """Calls to one Letta server over kept-alive connections."""

    def __init__(
        self, url: str, api_key: str, *, connections: int, counters: Counters, telemetry: BridgeTelemetry
    ) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._counters = counters
        self._telemetry = telemetry
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=_KEEP_ALIVE_S),
            timeout=aiohttp.ClientTimeout(total=None),  # every call has its own limit
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def create_agent(self, agent: Mapping[str, Any], *, timeout_s: float) -> str:
        """Create an agent and return its id; raises LettaFailure."""
        self._counters.letta_calls["agents"] += 1
        with self._call(_AGENTS, _AGENTS, operation="create_agent") as call:
            body = await self._post(_AGENTS, agent, timeout_s, {}, call)
        agent_id = body.get("id") if isinstance(body, dict) else None
        if not isinstance(agent_id, str) or not agent_id:
            raise LettaFailure("bad_body")
        return agent_id

    async def send_message(
        self, agent_id: str, content: str, *, headers: Mapping[str, str], timeout_s: float, resend_count: int = 0
    ) -> str:
        """Send a user's message to an agent and return what the assistant says; raises LettaFailure.

        `resend_count` is how many calls for the same request came before this one.
        """
        self._counters.letta_calls["messages"] += 1
        started = time.monotonic()
        message = {"messages": [{"role": "user", "content": content}]}
        path = f"/v1/agents/{agent_id}/messages"
        try:
            with self._call(
                _MESSAGES, path, agent_id=agent_id, operation="invoke_agent", resend_count=resend_count
            ) as call:
                body = await self._post(path, message, timeout_s, headers, call)
                text = assistant_text(body)
                call.used(*tokens_of(body))
        except LettaFailure as failure:
            if failure.kind == "http_404":
                raise LettaFailure("agent_missing", retryable=False, is_sick=False, agent_is_missing=True) from failure
            raise
        finally:
            self._counters.letta_time.add(time.monotonic() - started)
        return text

    @contextmanager
    def _call(self, template: str, path: str, **known: Any) -> Iterator[LettaCall]:
        with self._telemetry.call("POST", template, self._url + path, **known) as call:
            try:
                yield call
            except LettaFailure as failure:
                call.failed(failure.kind)
                raise

    async def _post(
        self, path: str, body: Mapping[str, Any], timeout_s: float, headers: Mapping[str, str], call: LettaCall
    ) -> Any:
        sent = {**self._headers, **headers, **call.headers}
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.post(self._url + path, data=orjson.dumps(body), headers=sent) as response,
            ):
                call.answered(response.status)
                text = await response.read()
        except TimeoutError as error:
            raise LettaFailure("timeout") from error
        except aiohttp.ClientPayloadError as error:
            # The head of the answer came, so Letta has taken the message: to send it again would store it twice.
            raise LettaFailure("truncated") from error
        except aiohttp.ClientError as error:
            raise LettaFailure("connection", retryable=True) from error
        if response.status != 200:
            raise _status_failure(response.status, response.headers.get("Retry-After"))
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise LettaFailure("bad_body") from error


def assistant_text(body: Any) -> str:
    """Return the text of the assistant messages in Letta's answer to a message, one per line.

    Raises LettaFailure for a body of another shape and for an answer in which the assistant says nothing.
    """
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list):
        raise LettaFailure("bad_body")
    texts = [_content_text(message.get("content")) for message in messages if _is_assistants(message)]
    text = "\n".join(text for text in texts if text)
    if not text:
        raise LettaFailure("no_reply", is_sick=False)
    return text


def tokens_of(body: Any) -> tuple[int, int]:
    """Return how many tokens the model read and wrote, as Letta's answer to a message says; 0 where it does not."""
    usage = body.get("usage") if isinstance(body, dict) else None
    counts = [usage.get(key) if isinstance(usage, dict) else None for key in ("prompt_tokens", "completion_tokens")]
    read, wrote = (count if isinstance(count, int) else 0 for count in counts)
    return read, wrote


def _is_assistants(message: Any) -> bool:
    return isinstance(message, dict) and message.get("message_type") == "assistant_message"


def _content_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts: Sequence[Any] = content if isinstance(content, list) else ()
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _status_failure(status: int, retry_after: str | None) -> LettaFailure:
    return LettaFailure(
        f"http_{status}",
        retryable=status in _RETRYABLE_STATUSES,
        is_sick=status in _SICK_STATUSES,
        retry_after_s=float(retry_after) if retry_after is not None and retry_after.isdigit() else 0.0,
    )
