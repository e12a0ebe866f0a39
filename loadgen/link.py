"""How do bytes go to a target and back at the lowest cost? A non-blocking socket that the gevent loop watches for good.

gevent's own sockets start and stop a watcher around every read, which costs a greenlet switch and system calls each
time; here the watcher is started once, and what arrives is handed to a callback in the loop.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any, Self

import gevent
import gevent.socket
from gevent.monkey import get_original

_RECEIVE_BYTES = 65_536
_READ, _WRITE = 1, 2

# The one of the operating system: gevent's waits in its loop.
_Socket: type[socket.socket] = get_original("socket", "socket")

OnBytes = Callable[[bytes], None]
OnEnd = Callable[[OSError | None], None]


class Link:
    """One connection; `on_bytes` gets what arrives, `on_end` the error that ended it or None for an orderly end.

    Both are called in the loop and must not wait. Nothing is called after `close`.
    """

    def __init__(self, sock: socket.socket, tls: _Tls | None, on_bytes: OnBytes, on_end: OnEnd) -> None:
        self._socket = sock
        self._tls = tls
        self._on_bytes, self._on_end = on_bytes, on_end
        self._receive = sock.recv
        self._is_open = True
        self._loop = gevent.get_hub().loop
        self._watcher = self._loop.io(sock.fileno(), _READ)
        self._watcher.start(self._readable)

    def send(self, data: bytes) -> None:
        """Send everything; waits only when the other side takes it slowly. Raises OSError."""
        if self._tls is not None:
            data = self._tls.sealed(data)
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:])

    def close(self) -> None:
        """Close it; what is on its way is lost."""
        if self._is_open:
            self._is_open = False
            self._watcher.stop()
            self._watcher.close()
            self._socket.close()
            self._on_bytes, self._on_end = _ignore, _ignore  # whoever listens may hold this link: no cycle is left

    def _send_rest(self, rest: memoryview) -> None:
        writable = self._loop.io(self._socket.fileno(), _WRITE)
        try:
            while rest:
                gevent.get_hub().wait(writable)
                if not self._is_open:
                    raise ConnectionResetError("the connection was closed while a request was being sent")
                rest = rest[self._socket.send(rest) :]
        finally:
            writable.close()

    def _readable(self) -> None:
        try:
            data = self._receive(_RECEIVE_BYTES)
            at_end = not data
            if self._tls is not None and data:
                data, at_end = self._tls.opened(data)
                if waiting := self._tls.outgoing.read():
                    self._socket.send(waiting)
        except BlockingIOError:
            return
        except OSError as error:  # ssl.SSLError is one
            self._ended(error)
            return
        if data:
            self._on_bytes(data)
        if at_end and self._is_open:
            self._ended(None)

    def _ended(self, error: OSError | None) -> None:
        if self._is_open:
            self._watcher.stop()  # its end would be reported again and again
            self._on_end(error)


def _ignore(_: object) -> None:
    """Take what comes after the end."""


class _Tls:
    """Turns plain bytes into TLS records and back, in memory; the socket never knows."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)

    def shake_hands(self, sock: Any) -> None:
        """Handshake over a socket that waits; raises OSError."""
        while True:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                sock.sendall(self.outgoing.read())
                data = sock.recv(_RECEIVE_BYTES)
                if not data:
                    raise ConnectionResetError("the connection was closed during the TLS handshake") from None
                self.incoming.write(data)
            else:
                sock.sendall(self.outgoing.read())
                return

    def sealed(self, data: bytes) -> bytes:
        """Return the records to send."""
        self._object.write(data)
        return self.outgoing.read()

    def opened(self, data: bytes) -> tuple[bytes, bool]:
        """Return what can be read by now, and whether the other side has said that no more comes; raises OSError."""
        self.incoming.write(data)
        pieces = []
        try:
            while piece := self._object.read(_RECEIVE_BYTES):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(pieces), False
        except ssl.SSLZeroReturnError:
            return b"".join(pieces), True
        return b"".join(pieces), True


class Address:
    """Where a target is: a name whose addresses are tried in turn, the one that worked last first."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, *, connect_timeout_s: float) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._connect_timeout_s = connect_timeout_s
        self._addresses: list[Any] = []

    @classmethod
    def of_file(cls, path: str, *, connect_timeout_s: float) -> Self:
        """Return the address of a Unix socket."""
        address = cls(path, 0, None, connect_timeout_s=connect_timeout_s)
        address._addresses = [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", path)]
        return address

    def open(self, on_bytes: OnBytes, on_end: OnEnd) -> Link:
        """Connect, also by TLS; raises OSError."""
        addresses = self._addresses or gevent.socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        self._addresses = []  # after a failure the name may mean another address
        for left, address in enumerate(addresses, 1 - len(addresses)):
            try:
                sock, tls = self._connect(address)
            except OSError:
                if left == 0:
                    raise
            else:
                self._addresses = [address]
                return Link(sock, tls, on_bytes, on_end)
        raise OSError(f"{self._host} has no address")

    def _connect(self, found: Any) -> tuple[socket.socket, _Tls | None]:
        family, kind, protocol, _name, address = found
        waiting = gevent.socket.socket(family, kind, protocol)
        try:
            if family != socket.AF_UNIX:
                waiting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting.settimeout(self._connect_timeout_s)
            waiting.connect(address)
            tls = _Tls(self._tls, self._host) if self._tls else None
            if tls is not None:
                tls.shake_hands(waiting)
            sock = _Socket(family, kind, protocol, fileno=waiting.detach())
        except BaseException:
            waiting.close()
            raise
        sock.setblocking(False)
        return sock, tls
