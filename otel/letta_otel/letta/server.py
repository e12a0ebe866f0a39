"""What does Letta's HTTP server tell of each request? One span and one duration, until the last byte of the answer.

A stream is judged by what it says: Letta begins with status 200, and may end with an error.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from opentelemetry import context as contexts
from opentelemetry import metrics as otel_metrics
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, set_span_in_context

from letta_otel.bounds import OTHER, Bound
from letta_otel.context import FIELDS, extract
from letta_otel.conventions import attributes as names
from letta_otel.conventions import metrics
from letta_otel.instruments import histogram
from letta_otel.letta.tracing import SCOPE

_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_HEALTH: Final = re.compile(r"/(v1|latest)/health/?")  # asked every few seconds: counted, and not traced
# Not sampled, and so is what is done below it.
_UNTRACED: Final = NonRecordingSpan(SpanContext(trace_id=1, span_id=1, is_remote=False))
_SERVER_ERROR: Final = 500  # a server's span is an error from this status on, say the conventions
_STREAM: Final = b"text/event-stream"
_STREAM_ERROR: Final = b"event: error"
# What a user waits for: neither a ping nor what the agent thinks, and not an empty part of it.
_CONTENT: Final = re.compile(rb'"message_type"\s*:\s*"assistant_message"')
_NOT_EMPTY: Final = re.compile(rb'"content"\s*:\s*(?:"[^"]|\[\s*\{)')
_ERROR_TYPE: Final = re.compile(rb'"error_type"\s*:\s*"([a-z_]{1,60})"')

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class ServerSpans:
    """An ASGI middleware, to be the outermost one."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._tracer = trace.get_tracer(SCOPE)
        self._durations = histogram(otel_metrics.get_meter(SCOPE), metrics.HTTP_SERVER_REQUEST_DURATION)
        self._first_tokens = histogram(otel_metrics.get_meter(SCOPE), metrics.GEN_AI_SERVER_TIME_TO_FIRST_TOKEN)
        self._error_types = Bound()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope, self._error_types)
        span = self._begin(request)
        token = contexts.attach(set_span_in_context(span, request.caller))
        try:
            await self._app(scope, receive, request.watching(send))
        except BaseException as error:
            request.failed(type(error).__name__)
            raise
        finally:
            contexts.detach(token)
            request.tell(span)
            span.end()
            self._record(request)

    def _begin(self, request: _Request) -> Span:
        if request.is_health:
            return _UNTRACED
        return self._tracer.start_span(
            request.method, context=request.caller, kind=SpanKind.SERVER, attributes=request.known()
        )

    def _record(self, request: _Request) -> None:
        labels = request.labels()
        self._durations.record(time.monotonic() - request.began, labels)
        if request.first_token_s is not None:
            of_token = {name: value for name, value in labels.items() if name in {names.HTTP_ROUTE, names.ERROR_TYPE}}
            self._first_tokens.record(request.first_token_s, {names.GEN_AI_OPERATION_NAME: "invoke_agent", **of_token})


class _Request:
    """What is known of one request so far."""

    def __init__(self, scope: Scope, error_types: Bound) -> None:
        self.began = time.monotonic()
        self.first_token_s: float | None = None
        self.is_health = _HEALTH.fullmatch(scope["path"]) is not None
        self._scope = scope
        self._error_types = error_types
        self._status: int | None = None
        self._error_type: str | None = None
        self._is_stream = False
        self.method = scope["method"] if scope["method"] in _METHODS else OTHER
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        self.caller = extract({name: headers[name] for name in FIELDS if name in headers})

    def known(self) -> dict[str, Any]:
        """Return what stands on the span from its beginning."""
        return {
            names.HTTP_REQUEST_METHOD: self.method,
            names.URL_PATH: self._scope["path"],
            names.URL_SCHEME: self._scope.get("scheme", "http"),
        }

    def watching(self, send: Send) -> Send:
        """Return a `send` that looks at what goes by."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._begin(message)
            elif self._is_stream:
                self._look_at(message.get("body", b""))
            await send(message)

        return watched

    def failed(self, error_type: str) -> None:
        """Say in one word what went wrong; the first word stays."""
        self._error_type = self._error_type or self._error_types(error_type)

    def tell(self, span: Span) -> None:
        """Put on the span what is known at the end; only now has the route been matched."""
        route = self._route()
        span.update_name(f"{self.method} {route}")
        span.set_attribute(names.HTTP_ROUTE, route)
        agent = (self._scope.get("path_params") or {}).get("agent_id")
        if isinstance(agent, str):
            span.set_attribute(names.GEN_AI_AGENT_ID, agent)
        if self._status is not None:
            span.set_attribute(names.HTTP_RESPONSE_STATUS_CODE, self._status)
        if self._error_type is not None:
            span.set_attribute(names.ERROR_TYPE, self._error_type)
            span.set_status(Status(StatusCode.ERROR))

    def labels(self) -> dict[str, Any]:
        """Return what stands on the metric."""
        labels: dict[str, Any] = {
            names.HTTP_REQUEST_METHOD: self.method,
            names.HTTP_ROUTE: self._route(),
            names.URL_SCHEME: self._scope.get("scheme", "http"),
        }
        if self._status is not None:
            labels[names.HTTP_RESPONSE_STATUS_CODE] = self._status
        if self._error_type is not None:
            labels[names.ERROR_TYPE] = self._error_type
        return labels

    def _begin(self, message: Message) -> None:
        status = int(message["status"])
        self._status = status
        self._is_stream = any(key == b"content-type" and value.startswith(_STREAM) for key, value in message["headers"])
        if status >= _SERVER_ERROR:
            self.failed(str(status))

    def _look_at(self, part: bytes) -> None:
        if self.first_token_s is None and _CONTENT.search(part) and _NOT_EMPTY.search(part):
            self.first_token_s = time.monotonic() - self.began
        if _STREAM_ERROR in part:
            found = _ERROR_TYPE.search(part)
            self.failed(found[1].decode() if found else "stream_error")

    def _route(self) -> str:
        path = getattr(self._scope.get("route"), "path", None)
        return path if isinstance(path, str) and path else OTHER
