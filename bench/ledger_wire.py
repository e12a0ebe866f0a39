"""What do a tool's bytes ask of the benchmark's target, and with which bytes does it answer? HTTP/1.1, keep-alive."""

from __future__ import annotations

from typing import NamedTuple

import orjson

_END = b"\r\n\r\n"
_LENGTH, _REQUEST_ID = b"\r\ncontent-length:", b"\r\nx-request-id:"
_CLOSE = b"\r\nconnection: close"
# The keys are those of a whole answer of Letta 0.16.4; the values never change.
_MESSAGE = {
    "messages": [
        {
            "id": "message-00000000-0000-4000-8000-000000000001",
            "date": "2026-11-21T00:00:00+00:00",
            "name": None,
            "message_type": "assistant_message",
            "otid": "00000000-0000-4000-8000-000000000002",
            "sender_id": None,
            "step_id": "step-00000000-0000-4000-8000-000000000003",
            "is_err": None,
            "seq_id": None,
            "run_id": "run-00000000-0000-4000-8000-000000000004",
            "content": "This is the answer of a test double; it is the same for every message.",
        }
    ],
    "stop_reason": {"message_type": "stop_reason", "stop_reason": "end_turn"},
    "usage": {
        "message_type": "usage_statistics",
        "completion_tokens": 16,
        "prompt_tokens": 669,
        "total_tokens": 685,
        "step_count": 1,
        "run_ids": None,
        "cached_input_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
    },
}


class Request(NamedTuple):
    """A whole request; `number` is negative where its x-request-id names none, `size` counts its bytes."""

    line: bytes
    body: bytes
    number: int
    stays: bool
    size: int


def read_request(data: bytes) -> Request | None:
    """Return the first request in what has come, None while it is not whole."""
    end = data.find(_END)
    if end < 0:
        return None
    head = data[:end].lower() + b"\r\n"
    size = end + len(_END) + int(_field(head, _LENGTH) or 0)
    if len(data) < size:
        return None
    body = data[end + len(_END) : size]
    return Request(data[: data.find(b"\r\n")], body, _number(_field(head, _REQUEST_ID)), _CLOSE not in head, size)


def answer(body: bytes, status: str = "200 OK") -> bytes:
    """Return a whole answer of JSON."""
    head = f"HTTP/1.1 {status}\r\nserver: test double\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + _END + body


MESSAGE_ANSWER = answer(orjson.dumps(_MESSAGE))
HEALTH_ANSWER = answer(b'{"version":"0.16.4","status":"ok"}')
NOT_FOUND = answer(b'{"detail":"Not Found"}', "404 Not Found")


def product_answer(line: bytes) -> bytes | None:
    """Return the answer to a request of the Letta API; None for what this double does not know."""
    if line.startswith(b"POST /v1/agents/") and b"/messages " in line:
        return MESSAGE_ANSWER
    return HEALTH_ANSWER if line.startswith(b"GET /v1/health/ ") else None


def _field(head: bytes, name: bytes) -> bytes:
    at = head.find(name)
    if at < 0:
        return b""
    start = at + len(name)
    return head[start : head.find(b"\r\n", start)].strip()


def _number(request_id: bytes) -> int:
    """Return N of an id that ends in `-N-TURN`, as both the engine and the k6 script make them."""
    parts = request_id.rsplit(b"-", 2)
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else -1
