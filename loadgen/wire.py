"""How do bytes of HTTP/1.1 go to a target and back at the lowest cost? Keep-alive connections on gevent sockets.

The parser is httptools (llhttp, in C); around it stands only what a load generator needs. Measured per request in a
closed loop on one core: this shape 57 µs, geventhttpclient 152 µs, Locust's FastHttpUser 212 µs; with the dearer ones
the generator itself queues when a stalled target answers a thousand requests at once.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import gevent.socket
import gevent.ssl
from gevent.monkey import get_original
from httptools import HttpParserError, HttpResponseParser

_RECEIVE_BYTES = 65_536
# Uvicorn, which Letta runs on, closes connections that were idle for 5 s; one that is about to be closed is not used.
_LONGEST_IDLE_S = 3.0

# The one of the operating system: gevent's goes through its loop even when it is asked not to wait.
_poll = get_original("select", "poll")

OnBody = Callable[[bytes], None]


class WireError(Exception):
    """The connection ended before the answer was complete, or what came was no HTTP."""


class Connection:
    """One keep-alive connection; one exchange at a time."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._parser = HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._on_body: OnBody = self._chunks.append
        self._complete = False
        self.can_stay = False  # whether the other side keeps the connection open after the last exchange
        self.idle_since = 0.0

    def exchange(self, request: bytes, on_body: OnBody | None = None) -> tuple[int, bytes]:
        """Send a request, read the whole answer, return status and body (empty when `on_body` took it piece by piece).

        Raises OSError and WireError.
        """
        self._chunks = []
        self._on_body = on_body or self._chunks.append
        self._complete = self.can_stay = False
        head = b""
        self._socket.sendall(request)
        receive, feed = self._socket.recv, self._parser.feed_data
        try:
            while not self._complete:
                data = receive(_RECEIVE_BYTES)
                if not data:
                    if self._ends_with_the_connection(head):
                        break
                    raise WireError("the connection was closed before the answer was complete")
                head = head or data
                feed(data)
        except HttpParserError as error:
            raise WireError(f"what came is no HTTP: {error}") from error
        return self._parser.get_status_code(), b"".join(self._chunks)

    def _ends_with_the_connection(self, head: bytes) -> bool:
        """Whether the answer that began with `head` gives neither length nor chunks, as HTTP/1.0 has it."""
        fields, end, _ = head.lower().partition(b"\r\n\r\n")
        return bool(end) and b"\r\ncontent-length:" not in fields and b"\r\ntransfer-encoding:" not in fields

    @property
    def is_stale(self) -> bool:
        """Whether the other side has closed it, or may be about to."""
        if time.monotonic() - self.idle_since > _LONGEST_IDLE_S:
            return True
        # Nothing should be there to read; if something is, it is the end of the connection.
        watch = _poll()
        watch.register(self._socket.fileno(), select.POLLIN)
        return bool(watch.poll(0))

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body (called by the parser)."""
        self._on_body(body)

    def on_message_complete(self) -> None:
        """Note that the answer is whole (called by the parser, which knows only now whether the connection stays)."""
        self._complete = True
        self.can_stay = self._parser.should_keep_alive()


class Connections:
    """Connections to one target, the one used last first."""

    def __init__(self, url: str, *, connect_timeout_s: float) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = gevent.ssl.create_default_context() if parts.scheme == "https" else None
        self._connect_timeout_s = connect_timeout_s
        self._idle: deque[Connection] = deque()
        self._addresses: list[Any] = []

    def exchange(self, request: bytes, on_body: OnBody | None = None) -> tuple[int, bytes]:
        """Make one exchange on an idle or a new connection; raises OSError and WireError."""
        connection = self._take()
        try:
            answer = connection.exchange(request, on_body)
        except BaseException:  # also the time limit: the rest of the answer must not meet the next request
            connection.close()
            raise
        if connection.can_stay:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_stale:
                return connection
            connection.close()
        return Connection(self._connect())

    def _connect(self) -> Any:
        """Connect to the address that worked last, or to the first of the name's addresses that answers."""
        addresses = self._addresses or gevent.socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        self._addresses = []  # after a failure the name may mean another address
        for left, address in enumerate(addresses, 1 - len(addresses)):
            try:
                sock = self._connect_to(address)
            except OSError:
                if left == 0:
                    raise
            else:
                self._addresses = [address]
                return sock
        raise WireError(f"{self._host} has no address")

    def _connect_to(self, found: Any) -> Any:
        family, kind, protocol, _name, address = found
        sock = gevent.socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(self._connect_timeout_s)
            sock.connect(address)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self._host)
            sock.settimeout(None)  # the whole exchange has one limit, set by the caller
        except BaseException:
            sock.close()
            raise
        return sock
