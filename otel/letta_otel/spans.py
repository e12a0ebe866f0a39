"""How does a block get a span of its own, and cost next to nothing where nobody is told of it?"""

from __future__ import annotations

import time
from contextvars import Token
from types import TracebackType
from typing import Any, Final, Protocol, Self

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

from letta_otel.conventions import attributes as names


class Spans(Protocol):
    """Begins spans; `are_told` is False where they would be made for nobody."""

    @property
    def are_told(self) -> bool:
        """Whether anybody gets them."""

    def begin(
        self,
        name: str,
        kind: SpanKind,
        given: dict[str, Any],
        *,
        context: Context | None = None,
        links: tuple[Link, ...] = (),
        at_unix_ns: int | None = None,
    ) -> Span:
        """Return a new span below the one of `context`, or below the current one."""


class NoSpans:
    """Spans of which nobody is told, so that none is made."""

    are_told: Final = False

    def begin(self, *_: object, **__: object) -> Span:
        """Return what stands for no span."""
        return INVALID_SPAN


class Spanned:
    """A block with a span, which is the current one inside. What is said of it stands on the span at its end."""

    def __init__(self, spans: Spans, name: str, kind: SpanKind) -> None:
        self._spans = spans
        self._name = name
        self._kind = kind
        self._span: Span = INVALID_SPAN
        self._token: Token[Context] | None = None
        self._began = 0.0
        self._said: dict[str, Any] = {}
        self._error_type: str | None = None

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        if self._spans.are_told:
            self._span = self._spans.begin(self._name, self._kind, self._given())
            self._token = contexts.attach(set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:  # its class only: a message and a stack may hold content
            self.failed(kind.__name__)
        self._measured(time.monotonic() - self._began)
        if self._token is not None:
            self._span.set_attributes(self._said)
            self._span.end()
            contexts.detach(self._token)

    def failed(self, error_type: str) -> None:
        """Say in one word what went wrong; the first word stays."""
        if self._error_type is None:
            self._error_type = error_type
            self._said[names.ERROR_TYPE] = error_type
            self._span.set_status(Status(StatusCode.ERROR, error_type))

    @property
    def _context(self) -> SpanContext | None:
        return self._span.get_span_context() if self._token is not None else None

    def _given(self) -> dict[str, Any]:
        """Return what stands on the span from its beginning."""
        raise NotImplementedError  # each kind of span says what it is given

    def _measured(self, seconds: float) -> None:
        """Take note of how long the block took."""
