"""How are spans written as OTLP without a message object for each of their attributes?

protobuf's Python objects cost 200 µs a span of a dozen attributes, and a batch of 512 holds the interpreter for a tenth
of a second, in which a bridge answers nobody. This writes the same bytes for what a `LightSpan` can hold
(opentelemetry-proto, trace.proto and common.proto); `tests/unit/test_wire.py` decodes them with protobuf and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from letta_otel.fields import double, field, fixed32, fixed64, varint_field

_KINDS: Final = {
    SpanKind.INTERNAL: 1,
    SpanKind.SERVER: 2,
    SpanKind.CLIENT: 3,
    SpanKind.PRODUCER: 4,
    SpanKind.CONSUMER: 5,
}
_STATUSES: Final = {StatusCode.UNSET: 0, StatusCode.OK: 1, StatusCode.ERROR: 2}
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200  # SpanFlags
_PAIRS_KEPT: Final = 4096  # attributes whose bytes are remembered: most of a bridge's are the same ever again


def spans_request(spans: Sequence[ReadableSpan]) -> bytes:
    """Return an ExportTraceServiceRequest with these spans; raises TypeError for one that has events."""
    by_process = groupby(spans, key=lambda span: (id(span.resource), id(span.instrumentation_scope)))
    return b"".join(field(1, _resource_spans([*group])) for _, group in by_process)


def _resource_spans(spans: list[ReadableSpan]) -> bytes:
    (common,) = encode_spans(spans[:1]).resource_spans
    scope = field(1, common.scope_spans[0].scope.SerializeToString())
    scope_spans = scope + b"".join([field(2, _span(span)) for span in spans])
    return field(1, common.resource.SerializeToString()) + field(2, scope_spans)


def _span(span: ReadableSpan) -> bytes:
    if span.events:
        raise TypeError(f"span {span.name}: it has events, which are not written here")
    context, parent = span.get_span_context(), span.parent
    if context is None:
        raise TypeError(f"span {span.name}: it has no context")
    parts = [
        field(1, context.trace_id.to_bytes(16, "big")),
        field(2, context.span_id.to_bytes(8, "big")),
        _state(context),
        b"" if parent is None else field(4, parent.span_id.to_bytes(8, "big")),
        field(5, span.name.encode()),
        varint_field(6, _KINDS[span.kind]),
        fixed64(7, span.start_time or 0),
        fixed64(8, span.end_time or 0),
        *_attributes(9, span.attributes or {}),
        *[field(13, _link(link)) for link in span.links],
        _status(span.status),
        _flags(16, parent),
    ]
    return b"".join(parts)


def _link(link: Link) -> bytes:
    parts = [
        field(1, link.context.trace_id.to_bytes(16, "big")),
        field(2, link.context.span_id.to_bytes(8, "big")),
        *_attributes(4, link.attributes or {}),
        _flags(6, link.context),
    ]
    return b"".join(parts)


def _state(context: SpanContext) -> bytes:
    state = context.trace_state
    return field(3, ",".join(f"{key}={value}" for key, value in state.items()).encode()) if state else b""


def _flags(number: int, context: SpanContext | None) -> bytes:
    flags = _HAS_IS_REMOTE | (_IS_REMOTE if context is not None and context.is_remote else 0)
    return fixed32(number, flags)


def _status(status: Status) -> bytes:
    if status.status_code is StatusCode.UNSET:
        return field(15, b"")
    message = field(2, status.description.encode()) if status.description else b""
    return field(15, message + varint_field(3, _STATUSES[status.status_code]))


def _attributes(number: int, attributes: Mapping[str, Any]) -> Iterable[bytes]:
    for key, value in attributes.items():
        yield _pair(number, key, value) if value.__hash__ is not None else _written_pair(number, key, value)


def _written_pair(number: int, key: str, value: Any) -> bytes:
    return field(number, field(1, key.encode()) + field(2, _value(value)))


# Typed, since 1, 1.0 and True are equal and are written in three ways.
_pair = lru_cache(maxsize=_PAIRS_KEPT, typed=True)(_written_pair)


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return field(1, value.encode())
    if isinstance(value, bool):
        return varint_field(2, int(value))
    if isinstance(value, int):
        return varint_field(3, value)
    if isinstance(value, float):
        return double(4, value)
    if isinstance(value, Sequence):
        return field(5, b"".join(field(1, _value(one)) for one in value))
    raise TypeError(f"a {type(value).__name__} cannot be the value of an attribute")
