"""How does a load request go over HTTP, and what came back?

Every exchange has one limit on its whole length: a limit on each read lets a target that drips one byte at a time hang
for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import orjson

from loadgen.deadlines import TimeLimitError
from loadgen.letta_answers import has_content, name_or, run_id_of, stop_fault, token_count
from loadgen.samples import Outcome
from loadgen.target import api_key
from loadgen.wire import Answer, Connections, WireError


@dataclass(slots=True)
class Reply:
    """What came back of one request.

    `first_ns` and `end_ns` are CLOCK_MONOTONIC; 0 where there was no first token, or where the end is the return.
    """

    outcome: Outcome
    status: int = 0
    body: Any = None
    response_bytes: int = 0
    first_ns: int = 0
    end_ns: int = 0
    tokens: int = 0
    source: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    def judged(self, fault_in: Callable[[Any], str]) -> Self:
        """Make a good reply an error when `fault_in` says what is wrong with its body; return this reply."""
        if self.outcome == Outcome.OK and (fault := fault_in(self.body)):
            self.outcome, self.detail["error"] = Outcome.ERROR, fault
        return self


class LettaClient:
    """Requests to one Letta server, shared by all scenarios of a worker."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
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
        own = f"x-request-id: {request_id}\r\nContent-Length: {len(content)}\r\n\r\n"
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


class EventReader:
    """Judges a stream by its body: Letta answers 200 and then says `event: error`, or stops for a bad reason."""

    def __init__(self) -> None:
        self.rest = b""  # what stands after the last whole line
        self._first_ns = 0
        self._bytes = 0
        self._pieces = 0
        self._tokens = 0
        self._error = ""
        self._stopped = False
        self._done = False
        self._detail: dict[str, Any] = {}

    def feed(self, data: bytes) -> None:
        """Take a piece of the body as it arrived; lines and pieces need not end together."""
        now_ns = time.monotonic_ns()
        self._bytes += len(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._feed_event(line[5:].strip(), now_ns)

    def end(self) -> Reply:
        """Judge a stream whose connection ended in order."""
        if not self._error and not self._done:
            self._error = "the stream ended without [DONE]"
        if not self._error and not self._first_ns:
            self._error = "the stream brought no content"
        if not self._error and not self._stopped:
            self._error = "the stream gave no stop reason"
        outcome = Outcome.ERROR if self._error else Outcome.OK
        return self._reply(outcome, self._error)

    def cut(self, outcome: Outcome, why: str) -> Reply:
        """Judge a stream that did not end by itself."""
        return self._reply(outcome, why)

    def _feed_event(self, data: bytes, now_ns: int) -> None:
        if data == b"[DONE]":
            self._done = True
            return
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            self._error = self._error or "an event is no JSON"
            return
        if isinstance(event, dict):
            self._take(event, now_ns)
        else:
            self._error = self._error or "an event is no object"

    def _take(self, event: dict[str, Any], now_ns: int) -> None:
        kind = event.get("message_type")
        if run_id := run_id_of(event):
            self._detail["run_id"] = run_id
        if kind == "error_message":
            self._error = f"in the stream: {name_or(event.get('error_type'), 'error')}"
        elif kind == "stop_reason":
            self._stopped = True
            if fault := stop_fault(event.get("stop_reason")):
                self._error = self._error or f"in the stream: {fault}"
        elif kind == "usage_statistics":
            self._tokens = token_count(event.get("completion_tokens"))
        elif has_content(event):
            self._pieces += 1
            self._first_ns = self._first_ns or now_ns

    def _reply(self, outcome: Outcome, error: str) -> Reply:
        detail = {**self._detail, **({"error": error[:300]} if error else {})}
        return Reply(
            outcome,
            status=200,
            response_bytes=self._bytes,
            first_ns=self._first_ns,
            tokens=self._tokens or token_count(self._pieces),
            detail=detail,
        )
