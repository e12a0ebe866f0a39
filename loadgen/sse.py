"""What came back in a stream of server-sent events, and when? Read from the wire, judged by its body."""

from __future__ import annotations

import time
from typing import Any

import orjson

from loadgen.letta_answers import has_content, name_or, run_id_of, stop_fault, token_count
from loadgen.reply import Reply
from loadgen.samples import Outcome
from loadgen.streams import StreamShape


class EventReader:
    """Judges a stream by its body: Letta answers 200 and then says `event: error`, or stops for a bad reason."""

    def __init__(self) -> None:
        self.rest = b""  # what stands after the last whole line
        self._named = b""  # the kind of event that the line before the data gave, if it gave one
        self._first_ns = 0
        self._last_ns = 0
        self._longest_gap_ns = 0
        self._bytes = 0
        self._chunks = 0
        self._tokens = 0
        self._error = ""
        self._stopped = False
        self._done = False
        self._detail: dict[str, Any] = {}

    def feed(self, data: bytes) -> None:
        """Take a piece of the body as it arrived; lines and pieces need not end together."""
        now_ns = time.monotonic_ns()
        self._bytes += len(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._feed_event(line[5:].strip(), now_ns)
            elif line.startswith(b"event:"):
                self._named = line[6:].strip()
            elif not line.strip():  # an empty line ends an event
                self._named = b""

    def end(self) -> Reply:
        """Judge a stream whose connection ended in order."""
        if not self._error and not self._done:
            self._error = "the stream ended without [DONE]"
        if not self._error and not self._first_ns:
            self._error = "the stream brought no content"
        if not self._error and not self._stopped:
            self._error = "the stream gave no stop reason"
        outcome = Outcome.ERROR if self._error else Outcome.OK
        return self._reply(outcome, self._error)

    def cut(self, outcome: Outcome, why: str) -> Reply:
        """Judge a stream that did not end by itself."""
        return self._reply(outcome, why)

    def _feed_event(self, data: bytes, now_ns: int) -> None:
        if data == b"[DONE]":
            self._done = True
            return
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            self._error = self._error or "an event is no JSON"
            return
        if isinstance(event, dict):
            self._take(event, now_ns)
        else:
            self._error = self._error or "an event is no object"

    def _take(self, event: dict[str, Any], now_ns: int) -> None:
        kind = event.get("message_type")
        if run_id := run_id_of(event):
            self._detail["run_id"] = run_id
        if kind == "error_message" or self._named == b"error":
            self._error = f"in the stream: {name_or(event.get('error_type'), 'error')}"
        elif kind == "stop_reason":
            self._stopped = True
            if fault := stop_fault(event.get("stop_reason")):
                self._error = self._error or f"in the stream: {fault}"
        elif kind == "usage_statistics":
            self._tokens = token_count(event.get("completion_tokens"))
        elif has_content(event):
            self._take_chunk(now_ns)

    def _take_chunk(self, now_ns: int) -> None:
        self._chunks += 1
        if self._first_ns:
            self._longest_gap_ns = max(self._longest_gap_ns, now_ns - self._last_ns)
        else:
            self._first_ns = now_ns
        self._last_ns = now_ns

    def _shape(self) -> StreamShape | None:
        if not self._first_ns:
            return None
        return StreamShape(self._chunks, self._last_ns - self._first_ns, self._longest_gap_ns, bool(self._tokens))

    def _reply(self, outcome: Outcome, error: str) -> Reply:
        detail = {**self._detail, **({"error": error[:300]} if error else {})}
        return Reply(
            outcome,
            status=200,
            response_bytes=self._bytes,
            first_ns=self._first_ns,
            tokens=self._tokens or token_count(self._chunks),
            stream=self._shape(),
            detail=detail,
        )
