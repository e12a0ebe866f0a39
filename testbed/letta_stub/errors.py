"""How does Letta 0.16.4 answer when something is wrong? (Statuses and texts as captured from a real server.)"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import orjson

from testbed.llm_stub.stage import Refusal, Reply, json_reply

Problem = dict[str, object]


@dataclass(frozen=True, slots=True)
class LlmError(Exception):
    """The model could not be asked, or refused: an HTTP status of Letta, and its error type and texts."""

    status: int
    error_type: str
    message: str
    detail: str

    def reply(self) -> Reply:
        """Return the answer to a request that does not stream."""
        error = {"type": self.error_type, "message": self.message, "detail": self.detail}
        return json_reply({"error": error}, self.status)

    def events(self, run_id: str) -> list[bytes]:
        """Return the events of a stream that fails: its status is 200 by then."""
        error = {
            "message_type": "error_message",
            "run_id": run_id,
            "error_type": self.error_type,
            "message": self.message,
            "detail": self.detail,
            "seq_id": None,
        }
        return [
            b'data: {"message_type":"stop_reason","stop_reason":"llm_api_error"}\n\n',
            b"event: error\ndata: " + orjson.dumps(error) + b"\n\n",
            b"data: [DONE]\n\n",
        ]


_GENERAL = (502, "llm_error", "An error occurred with the LLM request.")
_RATE_LIMIT = (
    429,
    "llm_rate_limit",
    "Rate limit exceeded for LLM model provider. Please wait before making another request.",
)
_AUTHENTICATION = (401, "llm_authentication", "Authentication failed with the LLM model provider.")
_TIMEOUT = (504, "llm_timeout", "The LLM request timed out. Please try again.")


def llm_status_failure(status: int, body: str) -> LlmError:
    """Return what Letta makes of an HTTP error of the model server; `body` is its JSON as Python prints it."""
    code = f"Error code: {status} - {body}"
    if status == 401:
        return LlmError(*_AUTHENTICATION, f"UNAUTHENTICATED: Authentication failed with OpenAI: {code}")
    if status == 429:
        return LlmError(*_RATE_LIMIT, f"RATE_LIMIT_EXCEEDED: Rate limited by OpenAI: {code}")
    if status >= 500:
        return LlmError(*_GENERAL, f"INTERNAL_SERVER_ERROR: OpenAI API error: {code}")
    return LlmError(*_GENERAL, f"INVALID_ARGUMENT: Bad request to OpenAI: {code}")


def llm_connection_failure() -> LlmError:
    """Return what Letta makes of a model server that it cannot talk to."""
    return LlmError(*_GENERAL, "INTERNAL_SERVER_ERROR: Failed to connect to OpenAI: Connection error.")


def llm_timeout() -> LlmError:
    """Return what Letta makes of a model server that does not answer in time."""
    return LlmError(*_TIMEOUT, "DEADLINE_EXCEEDED: Request to OpenAI timed out: Request timed out.")


def not_found(kind: str, wanted: str) -> Refusal:
    """Return the refusal for an object that is not there, e.g. kind `Agent`."""
    return Refusal(json_reply({"detail": f"{kind} with ID {wanted} not found"}, 404))


def detail(status: int, text: str) -> Refusal:
    """Return a refusal with a plain `detail`."""
    return Refusal(json_reply({"detail": text}, status))


def unprocessable(problems: list[Problem], example: str | None = None) -> Refusal:
    """Return the 422: `detail` is the list of problems as Python prints it, which is what the real server sends."""
    body: dict[str, object] = {"trace_id": secrets.token_hex(16), "detail": repr(problems)}
    if example is not None:
        body["examples"] = [example]
    return Refusal(json_reply(body, 422))


def busy(conversation_id: str) -> Refusal:
    """Return the refusal of a message to a conversation that works on another one."""
    return detail(409, f"CONVERSATION_BUSY: Conversation {conversation_id} is currently busy")


_STATUS_TEXTS = {
    409: "CONFLICT: The request conflicts with the current state of the resource",
    503: "SERVICE_UNAVAILABLE: The database is temporarily unavailable. Please try again later.",
    504: "DEADLINE_EXCEEDED: The request timed out",
}


class Failures:
    """What this product says when a fault is set on purpose."""

    def error(self, status: int) -> Reply:
        """Return the body of an error with this status, as an error of the model where Letta has such a status."""
        if status in (401, 429, 502):
            upstream = {502: 500}.get(status, status)
            body = f"{{'error': {{'message': 'set on purpose', 'type': 'stub', 'code': {upstream}}}}}"
            return llm_status_failure(upstream, body).reply()
        if status == 504:
            return llm_timeout().reply()
        return json_reply({"detail": _STATUS_TEXTS.get(status, "An internal server error occurred")}, status)

    def error_events(self) -> list[bytes]:
        """Return the events of a stream whose model failed."""
        body = "{'error': {'message': 'set on purpose', 'type': 'stub', 'code': None}}"
        return llm_status_failure(500, body).events("run-00000000-0000-4000-8000-000000000000")
