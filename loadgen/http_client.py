"""How does a load request go over HTTP, and what came back?

Every exchange has one limit on its whole length: a limit on each read lets a target that drips one byte at a time hang
for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from loadgen.deadlines import TimeLimitError
from loadgen.letta_answers import name_or
from loadgen.reply import Reply
from loadgen.samples import Outcome
from loadgen.sse import EventReader
from loadgen.target import api_key
from loadgen.traces import traceparent
from loadgen.wire import Answer, Connections, WireError


class LettaClient:
    """Requests to one Letta server, shared by all scenarios of a worker."""

    def __init__(self, url: str, *, timeout_s: float, traced: bool = False) -> None:
        self._timeout_s = timeout_s
        self._traced = traced
        self._connections = Connections(url, timeout_s=timeout_s)
        parts = urlsplit(url)
        self._base = parts.path.rstrip("/")
        key = api_key()
        self._head = (
            f" HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\nContent-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\nUser-Agent: letta-slo\r\n"
            + (f"Authorization: Bearer {key}\r\n" if key else "")
        )

    def json(self, method: str, path: str, request_id: str, body: Mapping[str, Any] | None = None) -> Reply:
        """Send a request and read a JSON answer; anything else than 2xx with JSON is an error."""
        try:
            answer = self._connections.exchange(self._request(method, path, request_id, body))
        except TimeLimitError:
            return Reply(Outcome.TIMEOUT, detail={"error": f"no complete answer within {self._timeout_s:g} s"})
        except (OSError, WireError) as error:
            return connection_failure(error)
        return _judge_json(answer)

    def stream(self, path: str, request_id: str, body: Mapping[str, Any]) -> Reply:
        """Send a request whose answer is a stream of server-sent events, and judge it by its events."""
        reader = EventReader()
        request = self._request("POST", path, request_id, body)
        try:
            answer = self._connections.exchange(request, reader.feed)
        except TimeLimitError:
            return reader.cut(Outcome.TIMEOUT, f"the stream did not end within {self._timeout_s:g} s")
        except ConnectionRefusedError as error:
            return connection_failure(error)
        except (OSError, WireError) as error:
            return reader.cut(Outcome.CONNECTION, f"{type(error).__name__}: {error}")
        if answer.status == 200:
            reply = reader.end()
            reply.end_ns = answer.end_ns
            return reply
        answer.body = reader.rest
        return _judge_json(answer).judged(lambda _: f"answered {answer.status} where a stream was asked for")

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()

    def _request(self, method: str, path: str, request_id: str, body: Mapping[str, Any] | None) -> bytes:
        content = b"" if body is None else orjson.dumps(body)
        traced = f"traceparent: {traceparent(request_id)}\r\n" if self._traced else ""
        own = f"x-request-id: {request_id}\r\n{traced}Content-Length: {len(content)}\r\n\r\n"
        return f"{method} {self._base}{path}{self._head}{own}".encode() + content


def connection_failure(error: BaseException) -> Reply:
    """Turn an error of the connection into a reply; `refused` says that the target never had the request."""
    detail: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"[:300]}
    if isinstance(error, ConnectionRefusedError):
        detail["refused"] = True
    return Reply(Outcome.CONNECTION, detail=detail)


def _judge_json(answer: Answer) -> Reply:
    status, size, end_ns = answer.status, len(answer.body), answer.end_ns
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        reason = f"answered {status} with {size} bytes that are no JSON"
        return Reply(Outcome.ERROR, status, None, size, end_ns=end_ns, detail={"error": reason})
    if 200 <= status < 300:
        return Reply(Outcome.OK, status, body, size, end_ns=end_ns)
    return Reply(Outcome.ERROR, status, body, size, end_ns=end_ns, detail={"error": _error_text(status, body)})


def _error_text(status: int, body: Any) -> str:
    """Name the kind of error; what the target says in words may hold content, so it is left out."""
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return f"{status} {name_or(body['error'].get('type'), 'error')}"
    return f"HTTP {status}"
