"""Fields of a log line in JSON. Rendered from `otel/registry/` by `make render`, do not edit."""

from __future__ import annotations

from typing import Final

from letta_otel.conventions.kinds import LogField

TIMESTAMP: Final = "timestamp"
SEVERITY_TEXT: Final = "severity_text"
BODY: Final = "body"
LOGGER: Final = "logger"
TRACE_ID: Final = "trace_id"
SPAN_ID: Final = "span_id"

ALL: Final[dict[str, LogField]] = {
    TIMESTAMP: LogField(
        name="timestamp",
        type="string",
        brief="When, ISO 8601 in UTC with microseconds.",
        is_required=True,
    ),
    SEVERITY_TEXT: LogField(
        name="severity_text",
        type="string",
        brief="DEBUG, INFO, WARN, ERROR or FATAL.",
        is_required=True,
    ),
    BODY: LogField(
        name="body",
        type="string",
        brief="What happened, in words that are the same each time.",
        is_required=True,
    ),
    LOGGER: LogField(
        name="logger",
        type="string",
        brief="Name of the logger.",
        is_required=True,
    ),
    TRACE_ID: LogField(
        name="trace_id",
        type="string",
        brief="32 hexadecimal digits; absent outside a span.",
        is_required=False,
    ),
    SPAN_ID: LogField(
        name="span_id",
        type="string",
        brief="16 hexadecimal digits; absent outside a span.",
        is_required=False,
    ),
}
