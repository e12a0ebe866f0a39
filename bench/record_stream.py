"""When did each event of one stream come? Records a stream of the Letta stub, a test double, as JSON on stdout.

`python -m bench.record_stream > bench/recorded_stream.json`. A turn with a tool call, so that tokens and chunks differ
in number.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from loadgen.clock import Alarm
from loadgen.plan import DEFAULT_EMBEDDING, DEFAULT_MODEL
from loadgen.prepare import TAG_PREFIX, create_agents
from loadgen.wire import Connections
from testbed.process import python_part, start

_DUE_IN_S = 0.5
_KINDS = {"assistant_message": "content", "tool_call_message": "tool_call", "tool_return_message": "tool_return",
          "stop_reason": "stop", "usage_statistics": "usage"}  # fmt: skip


def main() -> None:
    """Record one stream and print it."""
    command = python_part("testbed.letta_stub", "--port", "0")
    with (
        tempfile.TemporaryDirectory(prefix="bench-record-") as folder,
        start("letta-stub", command, log_dir=Path(folder)) as stub,
    ):
        url = str(stub.announced["url"])
        (agent,) = create_agents(url, 1, f"{TAG_PREFIX}bench", model=DEFAULT_MODEL, embedding=DEFAULT_EMBEDDING)
        recorded = _record(url, agent)
    events = ",\n  ".join(json.dumps(event) for event in recorded.pop("events"))
    head, tail = json.dumps({**recorded, "events": []}, indent=1).rsplit("[]", 1)
    sys.stdout.write(f"{head}[\n  {events}\n ]{tail}\n")


def _record(url: str, agent: str) -> dict[str, Any]:
    body = orjson.dumps({"input": "[tool:memory_insert] I like tea", "stream_tokens": True})
    head = f"POST /v1/agents/{agent}/messages/stream HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
    request = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    pieces: list[tuple[int, bytes]] = []
    connections = Connections(url, connect_timeout_s=5)
    connections.exchange(f"GET /v1/health/ HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())  # to connect
    due_ns = time.monotonic_ns() + int(_DUE_IN_S * 1e9)
    alarm = Alarm()
    alarm.sleep_until(due_ns)
    sent_ns = time.monotonic_ns()
    connections.exchange(request, lambda piece: pieces.append((time.monotonic_ns(), piece)))
    closed_ns = time.monotonic_ns()
    alarm.close()
    connections.close()
    events = [(at_ns, *_event(line)) for at_ns, piece in pieces for line in piece.split(b"\n\n") if line]
    return {
        "what": "a stream of the Letta stub, a test double",
        "sent_ms": _ms(sent_ns - due_ns),
        "events": [[_ms(at_ns - due_ns), kind] for at_ns, kind, _ in events],
        "closed_ms": _ms(closed_ns - due_ns),
        "output_tokens": max(tokens for _, _, tokens in events),
    }


def _event(line: bytes) -> tuple[str, int]:
    """Return the kind of an event, and the tokens that it counts."""
    data = line.removeprefix(b"data: ")
    if data == b"[DONE]":
        return "done", 0
    found = orjson.loads(data)
    return _KINDS[found["message_type"]], int(found.get("completion_tokens", 0))


def _ms(duration_ns: int) -> float:
    return round(duration_ns / 1e6, 3)


if __name__ == "__main__":
    main()
