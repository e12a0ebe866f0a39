"""How does Letta 0.16.4 answer when something is wrong? (Statuses and texts as captured from a real server.)"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from testbed.letta_stub.wording import ORGANIZATION_ID, USER_ID
from testbed.stub.stage import Refusal, Reply, json_reply

Problem = dict[str, object]


@dataclass(frozen=True, slots=True)
class LlmError(Exception):
    """The model could not be asked, or refused: an HTTP status of Letta, and its error type and texts."""

    status: int
    error_type: str
    message: str
    detail: str
    is_broken_stream: bool = False  # it came while the model's answer was being read

    def reply(self) -> Reply:
        """Return the answer to a request that does not stream."""
        error = {"type": self.error_type, "message": self.message, "detail": self.detail}
        return json_reply({"error": error}, self.status)

    def events(self, run_id: str, *, has_begun: bool = False) -> list[bytes]:
        """Return the events of a stream that fails: its status is 200 by then.

        One that `has_begun`, or whose model broke off, names no kind of failure and ends without [DONE].
        """
        if self.is_broken_stream or has_begun:
            stops = [_stop("error")] if self.is_broken_stream else []
            failure = _failure(run_id, "internal_error", "An error occurred during agent execution.", self.detail)
            return [*stops, _stop("llm_api_error"), failure]
        failure = _failure(run_id, self.error_type, self.message, self.detail)
        return [_stop("llm_api_error"), failure, b"data: [DONE]\n\n"]


def _stop(reason: str) -> bytes:
    return b'data: {"message_type":"stop_reason","stop_reason":"%s"}\n\n' % reason.encode()


def _failure(run_id: str, kind: str, message: str, text: str) -> bytes:
    error = {
        "message_type": "error_message",
        "run_id": run_id,
        "error_type": kind,
        "message": message,
        "detail": text,
        "seq_id": None,
    }
    return b"event: error\ndata: " + orjson.dumps(error) + b"\n\n"


_GENERAL = (502, "llm_error", "An error occurred with the LLM request.")
_RATE_LIMIT = (
    429,
    "llm_rate_limit",
    "Rate limit exceeded for LLM model provider. Please wait before making another request.",
)
_AUTHENTICATION = (401, "llm_authentication", "Authentication failed with the LLM model provider.")
_TIMEOUT = (504, "llm_timeout", "The LLM request timed out. Please try again.")


# Status of the model server -> Letta's answer, the code and the words before the text of the OpenAI client's exception.
_STATUS_ERRORS = {
    400: (*_GENERAL, "INVALID_ARGUMENT: Bad request to OpenAI"),
    401: (*_AUTHENTICATION, "UNAUTHENTICATED: Authentication failed with OpenAI"),
    403: (*_GENERAL, "PERMISSION_DENIED: Permission denied by OpenAI"),
    404: (*_GENERAL, "NOT_FOUND: Resource not found in OpenAI"),
    422: (*_GENERAL, "INVALID_ARGUMENT: Invalid request content for OpenAI"),
    429: (*_RATE_LIMIT, "RATE_LIMIT_EXCEEDED: Rate limited by OpenAI"),
}


def llm_status_failure(status: int, body: str) -> LlmError:
    """Return what Letta makes of an HTTP error of the model server; `body` is its JSON as Python prints it."""
    code = "INTERNAL_SERVER_ERROR" if status >= 500 else "INVALID_ARGUMENT"
    answer, kind, message, words = _STATUS_ERRORS.get(status, (*_GENERAL, f"{code}: OpenAI API error"))
    return LlmError(answer, kind, message, f"{words}: Error code: {status} - {body}")


def llm_connection_failure() -> LlmError:
    """Return what Letta makes of a model server that it cannot talk to."""
    return LlmError(*_GENERAL, "INTERNAL_SERVER_ERROR: Failed to connect to OpenAI: Connection error.")


def llm_broken_stream() -> LlmError:
    """Return what Letta makes of a model stream whose connection breaks off."""
    why = "peer closed connection without sending complete message body (incomplete chunked read)"
    return LlmError(*_GENERAL, f"INTERNAL_SERVER_ERROR: Connection error during OpenAI streaming: {why}")


def llm_unreadable(why: str) -> LlmError:
    """Return what Letta makes of an answer of the model server that it cannot read."""
    return LlmError(*_GENERAL, f"Unhandled LLM error: {why}")


def llm_timeout() -> LlmError:
    """Return what Letta makes of a model server that does not answer in time."""
    return LlmError(*_TIMEOUT, "TIMEOUT: Request to OpenAI timed out: Request timed out.")


def unknown_agent(agent_id: str) -> Refusal:
    """Return the refusal for an agent that is not there."""
    return detail(404, f"Agent with ID {agent_id} not found")


def not_found(kind: str, wanted: str, more: str = "") -> Refusal:
    """Return the refusal for another object; the real server tells the whole record of the user who asked."""
    asked = f"{kind} not found with id='['{wanted}']', access level in ['read'] for actor='{_ACTOR}'{more}"
    return detail(404, asked)


_BORN = "datetime.datetime(2026, 1, 1, 8, 30, tzinfo=TzInfo(0))"  # any time: a record tells when it was made
_ACTOR = (
    f"id='{USER_ID}' organization_id='{ORGANIZATION_ID}' name='default_user' created_at={_BORN} updated_at={_BORN} "
    "is_deleted=False"
)


def missing_reference(kind: str) -> Refusal:
    """Return the refusal to make something for an object that is not there (without the SQL that Letta tells)."""
    said = f"A foreign key constraint was violated for {kind}. Check your input for missing or invalid references"
    return detail(409, said)


def unknown_failure() -> Refusal:
    """Return what Letta answers when something fails of which it does not know what it is."""
    return detail(500, _UNKNOWN)


_UNKNOWN = "An unknown error occurred"


def detail(status: int, text: str) -> Refusal:
    """Return a refusal with a plain `detail`."""
    return Refusal(json_reply({"detail": text}, status))


def unprocessable(problems: list[Problem], example: str | None = None) -> Refusal:
    """Return the 422: `detail` is the list of problems as Python prints it, which is what the real server sends."""
    # The trace id is empty while the real server does not export traces.
    body: dict[str, object] = {"trace_id": "", "detail": repr(problems)}
    if example is not None:
        body["examples"] = [example]
    return Refusal(json_reply(body, 422))


def busy() -> Refusal:
    """Return the refusal of a streamed message to a conversation that streams another one."""
    return detail(409, _BUSY)


_BUSY = (
    "CONFLICT: Cannot send a new message: Another request is currently being processed for this conversation. "
    "Please wait for the current request to complete."
)
_STATUS_TEXTS = {
    404: "Not Found",
    409: _BUSY,
    503: "The database is temporarily unavailable. Please try again later.",
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
        if status == 422:
            problem: Problem = {
                "type": "value_error",
                "loc": ("body",),
                "msg": "Value error, set on purpose",
                "input": {},
            }
            return unprocessable([problem]).reply
        return json_reply({"detail": _STATUS_TEXTS.get(status, _UNKNOWN)}, status)

    def error_events(self) -> list[bytes]:
        """Return the events of a stream whose model failed."""
        body = "{'error': {'message': 'set on purpose', 'type': 'stub', 'code': None}}"
        return llm_status_failure(500, body).events("run-00000000-0000-4000-8000-000000000000")
