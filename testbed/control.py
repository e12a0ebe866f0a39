"""How is a stub steered and watched while it runs?

`serve` opens two ports: the main one speaks only the imitated product's API, the control port is ours: behaviour,
down / up / stall, and the ledger, which is the stub's own truth about the requests it saw.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import struct
import time
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from testbed.behaviour import Behaviour, BehaviourError, Operations, parse
from testbed.process import announce

LEDGER_LIMIT = 2_000_000  # rows; about 150 bytes each, so at most some 300 MB
_HOST = "127.0.0.1"
_BACKLOG = 2048
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST instead of FIN (socket(7))
_LONGEST_PAUSE_S = 3600.0


@dataclass(slots=True)
class _Columns:
    operation: list[str] = field(default_factory=list)
    request_id: list[str] = field(default_factory=list)
    agent_id: list[str] = field(default_factory=list)
    arrival_ns: array[int] = field(default_factory=lambda: array("q"))
    completion_ns: array[int] = field(default_factory=lambda: array("q"))
    status: array[int] = field(default_factory=lambda: array("H"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A request in the ledger, from its arrival to its completion (row -1: counted, but no row was free)."""

    operation: str
    agent_id: str
    row: int
    columns: _Columns


class Ledger:
    """Every request since the start or the last `clear`: rows up to a limit, counters without one.

    Times are CLOCK_MONOTONIC nanoseconds. Completion 0 means in flight; status 0 means no answer was sent (yet).
    """

    def __init__(self, limit: int = LEDGER_LIMIT) -> None:
        self._limit = limit
        self._in_flight = 0
        self._messages_in_flight: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Forget all rows and counters; what is in flight now stays in flight, and counts in the new maxima."""
        self._columns = _Columns()
        self._not_listed = 0
        self._operations: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._peaks: dict[str, int] = dict(self._messages_in_flight)

    def open(self, operation: str, request_id: str, agent_id: str) -> Entry:
        """Note the arrival of a request."""
        columns = self._columns
        row = len(columns.operation)
        self._in_flight += 1
        self._operations[operation] += 1
        if row >= self._limit:
            self._not_listed += 1
            return Entry(operation, agent_id, -1, columns)
        if request_id:
            self._calls[request_id] += 1
        columns.operation.append(operation)
        columns.request_id.append(request_id)
        columns.agent_id.append(agent_id)
        columns.arrival_ns.append(time.monotonic_ns())
        columns.completion_ns.append(0)
        columns.status.append(0)
        return Entry(operation, agent_id, row, columns)

    def close(self, entry: Entry, status: int) -> None:
        """Note the completion of a request; status 0: no answer."""
        self._in_flight -= 1
        if entry.row >= 0:
            entry.columns.completion_ns[entry.row] = time.monotonic_ns()
            entry.columns.status[entry.row] = status

    def message_begins(self, agent_id: str) -> None:
        """Note that work on a message of this agent begins."""
        now = self._messages_in_flight[agent_id] + 1
        self._messages_in_flight[agent_id] = now
        if now > self._peaks.get(agent_id, 0):
            self._peaks[agent_id] = now

    def message_ends(self, agent_id: str) -> None:
        """Note that work on a message of this agent ended."""
        self._messages_in_flight[agent_id] -= 1
        if not self._messages_in_flight[agent_id]:
            del self._messages_in_flight[agent_id]

    def counters(self) -> dict[str, Any]:
        """Return the totals; `agents_with_overlapping_messages` names each agent that had two or more in flight."""
        overlapping = {agent: peak for agent, peak in self._peaks.items() if peak > 1}
        return {
            "requests": self._operations.total(),
            "requests_by_operation": dict(self._operations),
            "in_flight": self._in_flight,
            "agents_with_messages": len(self._peaks),
            "max_messages_in_flight_per_agent": max(self._peaks.values(), default=0),
            "agents_with_overlapping_messages": overlapping,
            "distinct_request_ids": len(self._calls),
            "max_calls_per_request_id": max(self._calls.values(), default=0),
            "repeated_request_ids": {key: calls for key, calls in self._calls.items() if calls > 1},
            "rows": len(self._columns.operation),
            "rows_limit": self._limit,
            "cut": self._not_listed > 0,
            "not_listed": self._not_listed,
        }

    def as_json(self) -> dict[str, Any]:
        """Return the counters, and the rows as one list a column."""
        columns = self._columns
        return {
            "clock": "CLOCK_MONOTONIC",
            "counters": self.counters(),
            "columns": {
                "operation": columns.operation,
                "request_id": columns.request_id,
                "agent_id": columns.agent_id,
                "arrival_ns": columns.arrival_ns.tolist(),
                "completion_ns": columns.completion_ns.tolist(),
                "status": columns.status.tolist(),
            },
        }


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


@dataclass(slots=True)
class Stall:
    """A stop-the-world pause as clients see it: nothing that arrives is looked at, nothing is sent, until it ends."""

    until_s: float = 0.0

    def begin(self, for_s: float) -> None:
        """Stall for this long from now (0 ends a stall)."""
        self.until_s = time.monotonic() + for_s

    async def over(self) -> None:
        """Wait for the end of the stall, if there is one."""
        while (left_s := self.until_s - time.monotonic()) > 0:
            await asyncio.sleep(left_s)


@dataclass(slots=True)
class Controls:
    """What the control port can reach: behaviour, ledger and stall, and the main door once it is served."""

    defaults: Behaviour
    behaviour: Behaviour
    operations: Operations
    ledger: Ledger = field(default_factory=Ledger)
    stall: Stall = field(default_factory=Stall)
    door: Door = field(init=False)


async def serve(
    part: str, app: ASGIApp, controls: Controls, *, port: int, control_port: int, routes: Sequence[Route] = ()
) -> None:
    """Open both ports, announce them, and run until SIGTERM or SIGINT; port 0 is any free one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a connection a session, and there may be thousands
    controls.door = Door(app, port)
    control_door = Door(_control_app(controls, routes), control_port)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    doors = (controls.door, control_door)
    for door in doors:
        door.set_date()
        await door.open()
    announce(part=part, url=controls.door.url, control=control_door.url)
    while not ended.is_set():
        for door in doors:
            door.set_date()
        try:
            await asyncio.wait_for(ended.wait(), 1.0)
        except TimeoutError:
            continue
    for door in doors:
        await door.shut()


def _control_app(controls: Controls, routes: Sequence[Route]) -> Starlette:
    async def show(_: Request) -> Response:
        return _json(controls.behaviour.as_json())

    async def replace(request: Request) -> Response:
        controls.behaviour = parse(await _body(request), base=controls.defaults, operations=controls.operations)
        return _json(controls.behaviour.as_json())

    async def merge(request: Request) -> Response:
        controls.behaviour = parse(await _body(request), base=controls.behaviour, operations=controls.operations)
        return _json(controls.behaviour.as_json())

    async def down(request: Request) -> Response:
        for_s = _for_s(await _body(request), required=False)
        await controls.door.shut(for_s)
        return _json({"open": False, "for_s": for_s})

    async def up(_: Request) -> Response:
        await controls.door.open()
        return _json({"open": True})

    async def stall(request: Request) -> Response:
        for_s = _for_s(await _body(request), required=True)
        controls.stall.begin(for_s or 0.0)
        return _json({"for_s": for_s})

    async def ledger(_: Request) -> Response:
        return _json(controls.ledger.as_json())

    async def counters(_: Request) -> Response:
        return _json(controls.ledger.counters())

    async def clear(_: Request) -> Response:
        controls.ledger.clear()
        return _json(controls.ledger.counters())

    table: list[tuple[str, str, Callable[[Request], Any]]] = [
        ("GET", "/behaviour", show),
        ("PUT", "/behaviour", replace),
        ("PATCH", "/behaviour", merge),
        ("POST", "/down", down),
        ("POST", "/up", up),
        ("POST", "/stall", stall),
        ("GET", "/ledger", ledger),
        ("DELETE", "/ledger", clear),
        ("GET", "/ledger/counters", counters),
    ]
    ours = [Route(path, endpoint, methods=[method]) for method, path, endpoint in table]
    return Starlette(routes=[*ours, *routes], exception_handlers={BehaviourError: _refused})


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, BehaviourError):
        raise error
    return _json({"error": {"where": error.where, "found": error.found, "allowed": error.allowed}}, 400)


async def _body(request: Request) -> object:
    raw = await request.body()
    try:
        return orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        raise BehaviourError("body", raw[:80].decode(errors="replace"), "JSON") from error


def _for_s(body: object, *, required: bool) -> float | None:
    if not isinstance(body, Mapping) or set(body) - {"for_s"}:
        raise BehaviourError("body", body, '{"for_s": seconds}')
    for_s = body.get("for_s")
    if for_s is None and not required:
        return None
    if isinstance(for_s, bool) or not isinstance(for_s, int | float) or not 0 <= for_s <= _LONGEST_PAUSE_S:
        raise BehaviourError("for_s", for_s, f"seconds from 0 to {_LONGEST_PAUSE_S:g}")
    return float(for_s)


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


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
