"""How does a stub's main port open, close and come back, with what clients of a server that went away see?"""

from __future__ import annotations

import asyncio
import socket
import struct
from email.utils import formatdate
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

_HOST = "127.0.0.1"
_BACKLOG = 2048
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST instead of FIN (socket(7))


class Door:
    """A listening port that can close, with a reset for everybody inside, and open again at the same number."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._config = uvicorn.Config(
            app, access_log=False, log_config=None, lifespan="off", http="httptools", ws="none"
        )
        self._config.load()
        self._state = ServerState()
        # Bound but never listening: while the door is shut clients are refused, and nobody else can be given the port.
        self._keeper = _bound(port)
        self.port: int = self._keeper.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._reopening: asyncio.TimerHandle | None = None

    @property
    def url(self) -> str:
        """Base URL of what is behind the door."""
        return f"http://{_HOST}:{self.port}"

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted."""
        return self._server is not None

    async def open(self) -> None:
        """Listen; does nothing when open already."""
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._protocol, sock=_bound(self.port), backlog=_BACKLOG)

    async def shut(self, for_s: float | None = None) -> None:
        """Stop listening, reset every connection, abandon the work in flight; open again after `for_s` if given."""
        if self._reopening is not None:
            self._reopening.cancel()
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._state.connections):
            _reset(connection)
        await asyncio.sleep(0)  # let the protocols learn of it first: they then stay quiet about the cancelled requests
        await asyncio.sleep(0)
        for task in list(self._state.tasks):
            task.cancel()
        if for_s is not None:
            loop = asyncio.get_running_loop()
            self._reopening = loop.call_later(for_s, lambda: loop.create_task(self.open()))

    def reset(self, scope: Scope) -> None:
        """Reset the connection that this request came by."""
        connection = self._connection(scope)
        if connection is not None:
            _reset(connection)

    def cut(self, scope: Scope) -> None:
        """Close the connection that this request came by, after what was written to it."""
        connection = self._connection(scope)
        if connection is not None:
            connection.transport.close()

    def set_date(self) -> None:
        """Renew the Date header (uvicorn's own server loop does this once a second)."""
        date = formatdate(usegmt=True).encode()
        self._state.default_headers = [(b"date", date), *self._config.encoded_headers]

    def _protocol(self) -> asyncio.Protocol:
        return _Visit(self, self._config, self._state)

    def _connection(self, scope: Scope) -> HttpToolsProtocol | None:
        for connection in self._state.connections:
            if isinstance(connection, HttpToolsProtocol) and connection.client == tuple(scope["client"]):
                return connection
        return None


class _Visit(HttpToolsProtocol):
    """A connection; one that was accepted while the door was being shut is reset like those before it."""

    def __init__(self, door: Door, config: uvicorn.Config, state: ServerState) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._door = door

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        if not self._door.is_open:
            _reset(self)


def _bound(port: int) -> socket.socket:
    # With the protocol named, asyncio sets TCP_NODELAY on accepted connections; without it a body that is written after
    # its head waits 40 ms for the other side's delayed ACK.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((_HOST, port))
    bound.setblocking(False)
    return bound


def _reset(connection: Any) -> None:  # uvicorn keeps its protocols in a set without a common type
    connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.transport.abort()
