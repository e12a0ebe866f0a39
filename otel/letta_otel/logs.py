"""What does a log record say, as one line of JSON and as OTLP? The same, and never an exception's message.

The text of an exception may hold what a user wrote (a `KeyError` names the key that it did not find), so only its class
and the places in the code are told.
"""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from opentelemetry import trace

from letta_otel.conventions import attributes as names
from letta_otel.conventions import log_fields as fields

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SEVERITIES: Final = {"WARNING": "WARN", "CRITICAL": "FATAL"}  # Python's words in those of OpenTelemetry's data model


class JsonLines(logging.Formatter):
    """One JSON object a record: the fields of the registry, what `extra` gave, and whose record it is."""

    def __init__(self, resource: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._resource = resource or {}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line = {
            fields.TIMESTAMP: datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            fields.SEVERITY_TEXT: _SEVERITIES.get(record.levelname, record.levelname),
            fields.BODY: record.getMessage(),
            fields.LOGGER: record.name,
            **_span_of_now(),
            **_given(record),
            **told_of_exception(record),
            **self._resource,
        }
        return orjson.dumps(line, default=str).decode()


def _span_of_now() -> dict[str, str]:
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        fields.TRACE_ID: trace.format_trace_id(context.trace_id),
        fields.SPAN_ID: trace.format_span_id(context.span_id),
    }


def _given(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def told_of_exception(record: logging.LogRecord) -> dict[str, str]:
    """Return the class of a record's exception and its places in the code; nothing where it has none."""
    if not record.exc_info or record.exc_info[0] is None:
        return {}
    kind, _, places = record.exc_info
    return {
        names.EXCEPTION_TYPE: kind.__name__,
        names.EXCEPTION_STACKTRACE: "".join(traceback.format_tb(places)),
    }
