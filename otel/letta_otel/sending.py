"""What is known of one call to Letta, and of one message that is sent, while its span is open?"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind

from letta_otel.bridge_metrics import BridgeMetrics
from letta_otel.context import inject
from letta_otel.conventions import attributes as names
from letta_otel.spans import Spanned, Spans

REDIS: Final = "redis"
_HTTP_ERROR: Final = 400  # from this status on a client takes an answer for an error, say the conventions


class LettaCall(Spanned):
    """One call to Letta; say what came of it before its block ends."""

    def __init__(
        self,
        spans: Spans,
        metrics: BridgeMetrics,
        method: str,
        template: str,
        url: str,
        *,
        agent_id: str | None = None,
        operation: str | None = None,
        resend_count: int = 0,
    ) -> None:
        super().__init__(spans, f"{method} {template}", SpanKind.CLIENT)
        self._metrics = metrics
        self._method = method
        self._template = template
        self._url = url
        self._agent_id = agent_id
        self._operation = operation
        self._resend_count = resend_count
        self._status: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers by which Letta's own spans become children of this one."""
        return inject()

    def answered(self, status: int) -> None:
        """Say with which status an answer began."""
        self._status = self._said[names.HTTP_RESPONSE_STATUS_CODE] = status
        if status >= _HTTP_ERROR:
            self.failed(str(status))

    def used(self, input_tokens: int, output_tokens: int) -> None:
        """Say how many tokens the answer cost, by its own words."""
        self._said[names.GEN_AI_USAGE_INPUT_TOKENS] = input_tokens
        self._said[names.GEN_AI_USAGE_OUTPUT_TOKENS] = output_tokens

    def _given(self) -> dict[str, Any]:
        host, port = _address(_origin(self._url))
        given: dict[str, Any] = {
            names.HTTP_REQUEST_METHOD: self._method,
            names.URL_TEMPLATE: self._template,
            names.SERVER_ADDRESS: host,
            names.SERVER_PORT: port,
            names.URL_FULL: _without_secrets(self._url),
        }
        if self._agent_id is not None:
            given[names.GEN_AI_AGENT_ID] = self._agent_id
        if self._operation is not None:
            given[names.GEN_AI_OPERATION_NAME] = self._operation
        if self._resend_count:
            given[names.HTTP_REQUEST_RESEND_COUNT] = self._resend_count
        return given

    def _measured(self, seconds: float) -> None:
        host, port = _address(_origin(self._url))
        error_type = None if self._error_type is None else self._metrics.error_types(self._error_type)
        self._metrics.calls.record(
            seconds, self._method, self._template, host, port, self._status, error_type, within=self._context
        )


class Sending(Spanned):
    """One message on its way to Redis, by the command `operation`, which is written in small letters."""

    def __init__(
        self,
        spans: Spans,
        metrics: BridgeMetrics,
        destination: str,
        operation: str,
        *,
        message_id: str,
        client_id: str,
    ) -> None:
        super().__init__(spans, f"send {destination}", SpanKind.PRODUCER)
        self._metrics = metrics
        self._destination = destination
        self._operation = operation
        self._message_id = message_id
        self._client_id = client_id

    @property
    def meta(self) -> dict[str, str]:
        """Return the fields for the message's `meta`, by which the trace goes on."""
        return inject()

    def size(self, body_size: int) -> None:
        """Say how long the message is, in bytes."""
        self._said[names.MESSAGING_MESSAGE_BODY_SIZE] = body_size

    def heard_by(self, listeners: int) -> None:
        """Say how many heard what was published."""
        self._said[names.LETTA_BRIDGE_LISTENERS] = listeners
        if listeners == 0:
            self._metrics.unheard.add(1)

    def _given(self) -> dict[str, Any]:
        return {
            names.MESSAGING_SYSTEM: REDIS,
            names.MESSAGING_DESTINATION_NAME: self._destination,
            names.MESSAGING_OPERATION_NAME: self._operation,
            names.MESSAGING_OPERATION_TYPE: "send",
            names.MESSAGING_MESSAGE_ID: self._message_id,
            names.MESSAGING_CLIENT_ID: self._client_id,
        }


def _origin(url: str) -> str:
    """Return the part of an address before its path; 8 characters are more than `http://` and less than a host."""
    end = url.find("/", 8)
    return url if end < 0 else url[:end]


@lru_cache(maxsize=64)
def _address(origin: str) -> tuple[str, int]:
    parts = urlsplit(origin)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _without_secrets(url: str) -> str:
    origin = _origin(url)
    scheme, _, rest = origin.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}{url[len(origin) :].partition('?')[0].partition('#')[0]}"
