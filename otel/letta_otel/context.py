"""How does a trace go through a message? In `meta.traceparent` and `meta.tracestate`, as W3C Trace Context has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

FIELDS: Final = ("traceparent", "tracestate")

_NOTHING: Final = Context()
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_LEGACY: Final = re.compile(r"[A-Za-z0-9._:/-]{1,128}")  # what an id looks like; anything else might be content


def extract(meta: Mapping[str, object]) -> Context:
    """Return the context that a message brings; an empty one where it brings none, or one that cannot be read."""
    if FIELDS[0] not in meta:
        return _NOTHING
    carrier = {name: value for name in FIELDS if isinstance(value := meta.get(name), str)}
    return _PROPAGATOR.extract(carrier, context=Context())


def inject() -> dict[str, str]:
    """Return the fields for the `meta` of a message that is sent now; none outside a span."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier


def links_to(context: Context) -> tuple[Link, ...]:
    """Return a link to the span of a context, as the messaging conventions ask of a consumer; none without a span."""
    sender = trace.get_current_span(context).get_span_context()
    return (Link(sender),) if sender.is_valid else ()


def legacy_trace_id(meta: Mapping[str, object]) -> str | None:
    """Return `meta.trace_id` of senders that know no Trace Context, if it looks like an id; 1 to 128 characters."""
    value = meta.get("trace_id")
    return value if isinstance(value, str) and _LEGACY.fullmatch(value) else None
