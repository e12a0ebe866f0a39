"""What stands in a request and in a reply?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

Json = Any  # a JSON value, whose shape is checked where it is read

KINDS: Final = ("text", "audio")
DEFAULT_MEMORY_TYPE: Final = "permanent"  # the list is Letta's own; a request in it without a type wants Letta
_ECHOED: Final = ("trace_id", "traceparent", "tracestate", "lang", "memory_type")
_OLDEST_SANE_S: Final = 3600.0  # older producers send the clock of their event loop; such a time is decades off
_SKEW_S: Final = 1.0  # a clock this far ahead is a clock that is not quite right; further ahead it is no epoch time
_TOP_LEVEL_TEXT_LIMIT: Final = 256  # characters of a task_id or user_id, which become part of Redis keys


class InvalidRequestError(Exception):
    """An entry of the list is no request; `task_id` and `user_id` are set when they could be read all the same."""

    def __init__(self, reason: str, task_id: str | None = None, user_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.task_id = task_id
        self.user_id = user_id


@dataclass(frozen=True, slots=True)
class Request:
    """One message of one user; `timestamp_s` is the producer's clock, seconds since the epoch, None when absent."""

    task_id: str
    kind: str
    user_id: str
    content: str
    timestamp_s: float | None
    memory_type: str = DEFAULT_MEMORY_TYPE
    meta: Mapping[str, Json] = field(default_factory=dict)

    def age_s(self, now_s: float) -> float | None:
        """Return how long ago the request was made, or None when its time says nothing (absent, or no epoch time).

        A time in whole seconds is taken for the end of its second: its fraction is unknown, and the deadline is short.
        """
        if self.timestamp_s is None:
            return None
        made_s = self.timestamp_s + 1.0 if self.timestamp_s.is_integer() else self.timestamp_s
        age = now_s - made_s
        return max(0.0, age) if -_SKEW_S <= age <= _OLDEST_SANE_S else None

    def echoed_meta(self) -> dict[str, Json]:
        """Return the fields of `meta` by which a reply is tied to its trace."""
        return {key: self.meta[key] for key in _ECHOED if key in self.meta}


def parse_request(entry: bytes) -> Request:
    """Read one entry of the request list; raise InvalidRequestError, saying which field is wrong."""
    try:
        document = orjson.loads(entry)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestError("not JSON") from error
    if not isinstance(document, dict):
        raise InvalidRequestError("not a JSON object")
    task_id = _name(document.get("task_id"))
    if task_id is None:
        raise InvalidRequestError("task_id: allowed is a text of 1 to 256 characters")
    user_id = _name(document.get("user_id"))
    fault = _fault(document, user_id)
    if fault is not None or user_id is None:
        raise InvalidRequestError(fault or "user_id is missing", task_id, user_id)
    meta = document.get("meta") or {}
    return Request(
        task_id=task_id,
        kind=document.get("type", "text"),
        user_id=user_id,
        content=document["content"],
        timestamp_s=None if document.get("timestamp") is None else float(document["timestamp"]),
        memory_type=meta.get("memory_type") or DEFAULT_MEMORY_TYPE,
        meta=meta,
    )


def _fault(document: Mapping[str, Json], user_id: str | None) -> str | None:
    content, meta, timestamp = document.get("content"), document.get("meta"), document.get("timestamp")
    is_number = isinstance(timestamp, int | float) and not isinstance(timestamp, bool)
    memory_type = meta.get("memory_type") if isinstance(meta, dict) else None
    rules = (
        (user_id is not None, "user_id: allowed is a text of 1 to 256 characters"),
        (document.get("type", "text") in KINDS, f"type: allowed is one of {', '.join(KINDS)}"),
        (isinstance(content, str) and content != "", "content: allowed is a text that is not empty"),
        (timestamp is None or is_number, "timestamp: allowed is a number of seconds"),
        (meta is None or isinstance(meta, dict), "meta: allowed is an object"),
        (memory_type is None or isinstance(memory_type, str), "meta.memory_type: allowed is a text"),
    )
    return next((words for holds, words in rules if not holds), None)


def _name(value: Json) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _TOP_LEVEL_TEXT_LIMIT else None


def success(request: Request, *, text: str, source: str, now_s: float, meta: Mapping[str, Json]) -> bytes:
    """Return the reply that carries an answer; only Letta updates the permanent memory."""
    return orjson.dumps(
        {
            "task_id": request.task_id,
            "user_id": request.user_id,
            "response_text": text,
            "memory_updated": source == "letta",
            "source": source,
            "timestamp": now_s,
            "meta": {**request.echoed_meta(), **meta},
        }
    )


def failure(
    *, task_id: str, user_id: str | None, error_type: str, message: str, now_s: float, meta: Mapping[str, Json]
) -> bytes:
    """Return the reply that says why there is no answer."""
    return orjson.dumps(
        {
            "task_id": task_id,
            "user_id": user_id,
            "error": True,
            "error_type": error_type,
            "message": message,
            "source": "letta_bridge",
            "timestamp": now_s,
            "meta": dict(meta),
        }
    )
