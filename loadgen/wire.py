"""What is an exchange of HTTP/1.1, and which connections are there for it? Keep-alive, one exchange at a time on each.

The parser is httptools (llhttp, in C); around it stands only what a load generator needs. With a dearer client the
generator itself queues when a stalled target answers a thousand requests at once (`docs/adr/0002-wire-client.md`).
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import gevent
import greenlet
from httptools import HttpParserError, HttpResponseParser

from loadgen.deadlines import Deadlines
from loadgen.link import Address, Link

# Uvicorn, which Letta runs on, closes connections that were idle for 5 s; one that is about to be closed is not used.
_LONGEST_IDLE_NS = 3_000_000_000

OnBody = Callable[[bytes], None]


class WireError(Exception):
    """The connection ended before the answer was complete, or what came was no HTTP."""


@dataclass(slots=True)
class Answer:
    """What came: `body` is empty where `on_body` took it; `end_ns` (CLOCK_MONOTONIC) is when its last byte was read."""

    status: int
    body: bytes
    end_ns: int


class Connection:
    """One keep-alive connection; one exchange at a time."""

    def __init__(self, address: Address) -> None:
        """Connect; raises OSError."""
        self._hub = gevent.get_hub()
        self._parser = HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._on_body: OnBody = self._chunks.append
        self._head = b""
        self._waiter: greenlet.greenlet | None = None
        self._is_asked = False
        self._is_complete = False
        self._failure: Exception | None = None
        self._end_ns = 0
        self.can_stay = False  # whether the other side keeps the connection open after the last exchange
        self.idle_since_ns = 0
        self._link: Link = address.open(self._take, self._ended)

    def exchange(self, request: bytes, on_body: OnBody | None = None) -> Answer:
        """Send a request and read the whole answer; raises OSError and WireError."""
        self._chunks = []
        self._on_body = on_body or self._chunks.append
        self._head = b""
        self._is_complete = self.can_stay = False
        self._is_asked = True
        self._link.send(request)
        while not self._is_complete and self._failure is None:
            self._waiter = greenlet.getcurrent()
            try:
                self._hub.switch()
            finally:
                self._waiter = None
        self._is_asked = False
        if not self._is_complete and self._failure is not None:
            raise self._failure
        return Answer(self._parser.get_status_code(), b"".join(self._chunks), self._end_ns)

    @property
    def is_usable(self) -> bool:
        """Whether the other side has neither closed it nor may be about to."""
        return self._failure is None and time.monotonic_ns() - self.idle_since_ns < _LONGEST_IDLE_NS

    def close(self) -> None:
        """Close it."""
        self._link.close()
        self._on_body = _ignore
        del self._parser  # it holds this connection: without the cycle both go at once, and nothing is left to collect

    def _take(self, data: bytes) -> None:
        if not self._is_asked:
            self._failure = WireError("the target sent what nobody asked for")
            return
        self._head = self._head or data
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._failure = WireError(f"what came is no HTTP: {error}")
        if self._is_complete or self._failure is not None:
            self._wake()

    def _ended(self, error: OSError | None) -> None:
        if self._is_asked and error is None and self._ends_with_the_connection():
            self._complete()
        self._failure = error or WireError("the connection was closed before the answer was complete")
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None:
            self._waiter.switch()

    def _complete(self) -> None:
        self._is_complete = True
        self._end_ns = time.monotonic_ns()

    def _ends_with_the_connection(self) -> bool:
        """Whether the answer gives neither length nor chunks, as HTTP/1.0 has it."""
        fields, end, _ = self._head.lower().partition(b"\r\n\r\n")
        return bool(end) and b"\r\ncontent-length:" not in fields and b"\r\ntransfer-encoding:" not in fields

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body (called by the parser)."""
        self._on_body(body)

    def on_message_complete(self) -> None:
        """Note that the answer is whole (called by the parser, which knows only now whether the connection stays)."""
        self._complete()
        self.can_stay = self._parser.should_keep_alive()


def _ignore(_: bytes) -> None:
    """Take what comes after the end."""


class Connections:
    """Connections to one target, the one used last first; every exchange ends within `timeout_s`."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if tls else 80)
        self._address = Address(parts.hostname or "", port, tls, connect_timeout_s=min(5.0, timeout_s))
        self._deadlines = Deadlines(timeout_s)
        self._idle: list[Connection] = []

    def exchange(self, request: bytes, on_body: OnBody | None = None) -> Answer:
        """Make one exchange on an idle or a new connection; raises OSError, WireError and TimeLimitError."""
        self._deadlines.begin()
        try:
            connection = self._usable() or Connection(self._address)
            try:
                answer = connection.exchange(request, on_body)
            except BaseException:  # also the time limit: the rest of the answer must not meet the next request
                connection.close()
                raise
        finally:
            self._deadlines.end()
        if connection.can_stay:
            connection.idle_since_ns = answer.end_ns
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close all idle connections."""
        self._deadlines.close()
        while self._idle:
            self._idle.pop().close()

    def _usable(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return None
