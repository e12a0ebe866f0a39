"""What becomes of one request, from the moment it was taken until its reply has left?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Final, Literal, Self

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanContext, SpanKind, Status, StatusCode, set_span_in_context

from letta_otel.bridge_metrics import BridgeMetrics
from letta_otel.context import extract, legacy_trace_id, links_to
from letta_otel.conventions import attributes as names
from letta_otel.sending import REDIS, Sending
from letta_otel.spans import Spanned, Spans

Route = Literal["letta", "memory-python", "none"]
Source = Literal["letta", "memory-python", "none"]
Stage = Literal["agent_wait", "agent_lookup", "letta_call", "retry_wait", "fallback"]

_SHORTEST_STAGE_S: Final = 0.001  # a shorter one tells nothing, and would cost as much as a longer one


class RequestTelemetry:
    """The trace of one request. `spent_s` is what each stage has taken so far, its repetitions together."""

    def __init__(
        self,
        spans: Spans,
        metrics: BridgeMetrics,
        meta: Mapping[str, object],
        *,
        requests_list: str,
        client_id: str,
        message_id: str,
        body_size: int,
        age_s: float | None,
    ) -> None:
        self._spans = spans
        self._metrics = metrics
        self._meta = meta
        self._requests_list = requests_list
        self._client_id = client_id
        self._message_id = message_id
        self._body_size = body_size
        self._age_s = age_s
        self._taken_at = time.monotonic()
        self._span: Span = INVALID_SPAN
        self._token: Token[Context] | None = None
        self._said: dict[str, Any] = {}
        self._route: Route = "none"
        self._was_redelivered = False
        self._fell_back = False
        self._error_type: str | None = None
        self.spent_s: dict[Stage, float] = {}

    def __enter__(self) -> Self:
        self._metrics.in_flight.add(1)
        sender = extract(self._meta)
        if self._spans.are_told:
            self._span = self._spans.begin(
                f"process {self._requests_list}",
                SpanKind.CONSUMER,
                self._given(),
                context=sender,
                links=links_to(sender),
            )
            self._token = contexts.attach(set_span_in_context(self._span))
        elif sender:  # somebody else's trace goes through, and on to Letta
            self._token = contexts.attach(sender)
        if self._age_s is not None:
            self._metrics.queue_waits.record(self._age_s, within=self._context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stage, spent_s in self.spent_s.items():
            self._metrics.stages.record(spent_s, stage, within=self._context)
        if self._spans.are_told:
            self._span.set_attributes(self._said)
            self._span.end()
        if self._token is not None:
            contexts.detach(self._token)
        self._metrics.in_flight.add(-1)

    @property
    def age_s(self) -> float:
        """Seconds since the request was made, as far as its timestamp is known, else since it was taken."""
        return time.monotonic() - self._taken_at + (self._age_s or 0.0)

    def redelivered(self) -> None:
        """Say that another bridge had this request in hand; call it before `routed`, so that it is counted once."""
        self._was_redelivered = self._said[names.LETTA_BRIDGE_REDELIVERED] = True
        self._metrics.redeliveries.add(1)

    def routed(self, route: Route, memory_type: str) -> None:
        """Say who is to answer, and count the request; `none` where it names nobody who could."""
        self._route = self._said[names.LETTA_BRIDGE_ROUTE] = route
        if route != "none":  # what is not routed may hold any text
            self._said[names.LETTA_BRIDGE_MEMORY_TYPE] = self._metrics.memory_types(memory_type)
        if not self._was_redelivered:
            self._metrics.requests.add(1, route)

    def agent(self, agent_id: str) -> None:
        """Name the agent of the user."""
        self._said[names.GEN_AI_AGENT_ID] = agent_id

    def stage(self, stage: Stage, *, has_span: bool = True) -> _Staged:
        """Measure what is done in the block; from a millisecond on it gets a span, unless it has spans of its own."""
        return _Staged(self, stage, has_span=has_span)

    def fallback(self, reason: str) -> _FallingBack:
        """Span the asking of memory-python. A request that was Letta's to answer is counted, once."""
        reason = self._metrics.fallback_reasons(reason)
        if self._route == "letta" and not self._fell_back:
            self._metrics.fallbacks.add(1, reason)
        self._fell_back = True
        self._said[names.LETTA_BRIDGE_FALLBACK_REASON] = reason
        return _FallingBack(self._spans, self, reason)

    def retried(self, error_type: str) -> None:
        """Count that Letta is asked again, after this error."""
        self._metrics.retries.add(1, self._metrics.error_types(error_type))

    def send(self, destination: str, operation: str) -> Sending:
        """Span a message that is given to Redis; `operation` is the command in small letters."""
        return Sending(
            self._spans,
            self._metrics,
            destination,
            operation,
            message_id=self._message_id,
            client_id=self._client_id,
        )

    def answered(self, source: Source) -> None:
        """Say that the reply with the answer has left, and whose answer it is."""
        self._replied(source, "success")

    def dropped(self) -> None:
        """Say that the task was answered already, so that no reply leaves."""
        self._said[names.LETTA_BRIDGE_OUTCOME] = "duplicate"

    def refused(self, error_type: str) -> None:
        """Say that a reply has left which says why there is no answer."""
        self._error_type = self._said[names.ERROR_TYPE] = self._metrics.error_types(error_type)
        self._span.set_status(Status(StatusCode.ERROR, self._error_type))
        self._replied("none", "error")

    def spent(self, stage: Stage, seconds: float) -> None:
        """Add to what a stage has taken."""
        self.spent_s[stage] = self.spent_s.get(stage, 0.0) + seconds

    def add_stage(self, stage: Stage, took_s: float, error_type: str | None) -> None:
        """Have a span of a stage that has just ended."""
        if not self._spans.are_told or took_s < _SHORTEST_STAGE_S:
            return
        given: dict[str, Any] = {names.LETTA_BRIDGE_STAGE: stage}
        if error_type is not None:
            given[names.ERROR_TYPE] = error_type
        ended_ns = time.time_ns()
        span = self._spans.begin(
            stage,
            SpanKind.INTERNAL,
            given,
            context=set_span_in_context(self._span),
            at_unix_ns=ended_ns - round(took_s * 1e9),
        )
        span.end(end_time=ended_ns)

    @property
    def _context(self) -> SpanContext | None:
        return self._span.get_span_context() if self._spans.are_told else None

    def _given(self) -> dict[str, Any]:
        given: dict[str, Any] = {
            names.MESSAGING_SYSTEM: REDIS,
            names.MESSAGING_DESTINATION_NAME: self._requests_list,
            names.MESSAGING_OPERATION_NAME: "process",
            names.MESSAGING_OPERATION_TYPE: "process",
            names.MESSAGING_MESSAGE_ID: self._message_id,
            names.MESSAGING_MESSAGE_BODY_SIZE: self._body_size,
            names.MESSAGING_CLIENT_ID: self._client_id,
            names.LETTA_BRIDGE_REDELIVERED: False,
        }
        if self._age_s is not None:
            given[names.LETTA_BRIDGE_QUEUE_WAIT] = self._age_s
        legacy = legacy_trace_id(self._meta)
        if legacy is not None:
            given[names.LETTA_LEGACY_TRACE_ID] = legacy
        return given

    def _replied(self, source: Source, outcome: Literal["success", "error"]) -> None:
        self._said[names.LETTA_BRIDGE_SOURCE] = source
        self._said[names.LETTA_BRIDGE_OUTCOME] = outcome
        self._metrics.responses.record(self.age_s, self._route, source, outcome, within=self._context)
        took_s = time.monotonic() - self._taken_at
        self._metrics.processing.record(
            took_s, REDIS, "process", self._requests_list, self._error_type, within=self._context
        )


class _Staged:
    """A block whose time is a stage's."""

    __slots__ = ("_began", "_has_span", "_request", "_stage")

    def __init__(self, request: RequestTelemetry, stage: Stage, *, has_span: bool) -> None:
        self._request = request
        self._stage: Stage = stage
        self._has_span = has_span
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took_s = time.monotonic() - self._began
        self._request.spent(self._stage, took_s)
        if self._has_span:
            self._request.add_stage(self._stage, took_s, None if kind is None else kind.__name__)


class _FallingBack(Spanned):
    """A block in which memory-python is asked."""

    def __init__(self, spans: Spans, request: RequestTelemetry, reason: str) -> None:
        super().__init__(spans, "fallback", SpanKind.INTERNAL)
        self._request = request
        self._reason = reason

    def _given(self) -> dict[str, Any]:
        return {names.LETTA_BRIDGE_STAGE: "fallback", names.LETTA_BRIDGE_FALLBACK_REASON: self._reason}

    def _measured(self, seconds: float) -> None:
        self._request.spent("fallback", seconds)
