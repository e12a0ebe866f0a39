"""Spans of the SDK's kind that cost a quarter of its own: what a bridge needs of one, and no more.

The SDK's span copies and cleans each attribute under a lock and asks the sampler again for each child: 150 µs, where
the whole of a request costs a bridge 1.6 ms. These keep what they are given, follow their parent's decision, and go
through the SDK's processor and exporter like any other (`docs/adr/0010-counting.md`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
)
from opentelemetry.util.types import AttributeValue

_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_UNSET: Final = Status(StatusCode.UNSET)


class LightSpan(Span):
    """One span; its attributes are not copied, so whoever gives them has to leave them alone."""

    def __init__(
        self,
        processor: SpanProcessor,
        context: SpanContext,
        *,
        name: str,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: dict[str, Any],
        links: Sequence[Link],
        start_time: int,
        common: tuple[Resource, InstrumentationScope],
    ) -> None:
        self._processor = processor
        self._context = context
        self._name = name
        self._parent = parent
        self._kind = kind
        self._attributes = attributes
        self._links = links
        self._start_time = start_time
        self._common = common
        self._status = _UNSET
        self._is_open = True

    def get_span_context(self) -> SpanContext:
        """Return its ids."""
        return self._context

    def is_recording(self) -> bool:
        """Return whether it is still open."""
        return self._is_open

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Add one attribute."""
        self._attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add attributes."""
        self._attributes.update(attributes)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Say whether it went well."""
        self._status = status if isinstance(status, Status) else Status(status, description)

    def update_name(self, name: str) -> None:
        """Give it another name."""
        self._name = name

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        """Do nothing: a bridge's spans have no events, since those hold what users wrote."""

    def record_exception(
        self, exception: BaseException, attributes: Any = None, timestamp: int | None = None, escaped: bool = False
    ) -> None:
        """Do nothing: an exception's message may hold what a user wrote."""

    def end(self, end_time: int | None = None) -> None:
        """End it, once, and hand it on."""
        if not self._is_open:
            return
        self._is_open = False
        resource, scope = self._common
        self._processor.on_end(
            ReadableSpan(
                self._name,
                context=self._context,
                parent=self._parent,
                resource=resource,
                attributes=self._attributes,
                links=self._links,
                kind=self._kind,
                status=self._status,
                start_time=self._start_time,
                end_time=time.time_ns() if end_time is None else end_time,
                instrumentation_scope=scope,
            )
        )


class LightSpans:
    """Makes such spans. The sampler decides for the first span of this process in a trace, and the others follow."""

    are_told: Final = True

    def __init__(self, processor: SpanProcessor, sampler: Sampler, resource: Resource, scope: str) -> None:
        self._processor = processor
        self._sampler = sampler
        self._common = (resource, InstrumentationScope(scope))
        self._ids = RandomIdGenerator()

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
        parent = get_current_span(context).get_span_context()
        trace_id = parent.trace_id if parent.is_valid else self._ids.generate_trace_id()
        flags, state = parent.trace_flags, parent.trace_state
        if parent.is_remote or not parent.is_valid:
            decided = self._sampler.should_sample(context, trace_id, name, kind, given, links)
            flags = _SAMPLED if decided.decision is Decision.RECORD_AND_SAMPLE else TraceFlags.get_default()
            state = decided.trace_state or state
        own = SpanContext(trace_id, self._ids.generate_span_id(), is_remote=False, trace_flags=flags, trace_state=state)
        if not flags.sampled:
            return NonRecordingSpan(own)
        return LightSpan(
            self._processor,
            own,
            name=name,
            parent=parent if parent.is_valid else None,
            kind=kind,
            attributes=given,
            links=links,
            start_time=time.time_ns() if at_unix_ns is None else at_unix_ns,
            common=self._common,
        )
