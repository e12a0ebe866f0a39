"""What leaves a Letta server in its spans? Names, times and what the registry lists; never what somebody wrote.

Letta puts whole requests, prompts and answers on its spans, under names that grow with its code. So what may go out is
listed, and not what may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from letta_otel.conventions import attributes as names

_RENAMED: Final = {
    "step_id": names.LETTA_STEP_ID,
    "http.method": names.HTTP_REQUEST_METHOD,
    "http.status_code": names.HTTP_RESPONSE_STATUS_CODE,
}
_WITH_CONTENT: Final = {names.EXCEPTION_MESSAGE, names.EXCEPTION_STACKTRACE}  # the second ends in the first
_ALLOWED: Final = names.ALL.keys() - _WITH_CONTENT


class WithoutContent(SpanExporter):
    """Exports spans without the attributes that the registry does not know, and without words about errors."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export what may go out of them."""
        return self._exporter.export([without_content(span) for span in spans])

    def shutdown(self) -> None:
        """Let go of the connection."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Have everything sent; limit in milliseconds."""
        return self._exporter.force_flush(timeout_millis)


def without_content(span: ReadableSpan) -> ReadableSpan:
    """Return the span with what may go out."""
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_listed(span.attributes or {}),
        events=[_told(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _listed(given: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {_RENAMED.get(name, name): value for name, value in given.items()}
    return {name: value for name, value in renamed.items() if name in _ALLOWED}


def _told(event: Event) -> Event:
    """Keep of an event what is listed, and its numbers: Letta's events tell how long something took."""
    given = event.attributes or {}
    numbers = {name: value for name, value in given.items() if isinstance(value, int | float)}
    return Event(event.name, numbers | _listed(given), event.timestamp)
