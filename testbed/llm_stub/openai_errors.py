"""How does an OpenAI-compatible server answer when something is wrong?"""

from __future__ import annotations

import orjson

from testbed.stub.stage import Refusal, Reply, json_reply

# https://platform.openai.com/docs/guides/error-codes: status -> (type, code)
_KINDS: dict[int, tuple[str, str | None]] = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}
_SERVER_SIDE: tuple[str, str | None] = ("server_error", None)


def error_body(status: int, message: str, param: str | None = None) -> dict[str, object]:
    """Return the body of an error with this status."""
    kind, code = _KINDS.get(status, _SERVER_SIDE)
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def refusal(status: int, message: str, param: str | None = None) -> Refusal:
    """Return the refusal of a request."""
    return Refusal(json_reply(error_body(status, message, param), status))


class Failures:
    """What this product says when a fault is set on purpose."""

    def error(self, status: int) -> Reply:
        """Return the body of an error with this status."""
        return json_reply(error_body(status, f"Failure {status}, set on purpose"), status)

    def error_events(self) -> list[bytes]:
        """Return the one event with which a stream that began well ends badly."""
        return [b"data: " + orjson.dumps(error_body(500, "Failure in the stream, set on purpose")) + b"\n\n"]
