"""How does the benchmark's target wait, read, answer and stand still? One thread around epoll.

Every step is the plainest that does it: a protocol or a task for each request would cost more than all the rest.
"""

from __future__ import annotations

import heapq
import select
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from bench.ledger import Ledger
from bench.ledger_wire import NOT_FOUND, Request, answer, product_answer, read_request

_HOST = "127.0.0.1"
_BACKLOG = 4096
_READ_BYTES, _ANCILLARY_BYTES = 65_536, 64
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h, which x86 and ARM use; Python has no name for it
_TIMESPEC = struct.Struct("@ll")
_NS = 1_000_000_000


@dataclass(slots=True, eq=False)
class _Connection:
    socket: socket.socket
    is_control: bool
    data: bytes = b""
    arrival_ns: int = 0
    is_stamped: bool = True
    is_busy: bool = False


# When it is due, its row, the era of the ledger, who gets the answer, the answer, whether the connection stays. A
# tuple, since it is made and compared for every request.
_Due = tuple[int, int, int, _Connection, bytes, bool]


class Loop:
    """Two ports on loopback: the imitated product's, and ours for the ledger and the stall."""

    def __init__(self, ledger: Ledger, port: int, control_port: int) -> None:
        self._ledger = ledger
        self._epoll = select.epoll()
        self._due: list[_Due] = []
        self._connections: dict[int, _Connection] = {}
        self._doors = {door.fileno(): door for door in (_listen(port), _listen(control_port))}
        for number in self._doors:
            self._epoll.register(number, select.EPOLLIN)
        self.url, self.control_url = (f"http://{_HOST}:{door.getsockname()[1]}" for door in self._doors.values())
        self._control_door = list(self._doors)[1]

    def run(self) -> None:
        """Serve for ever."""
        while True:
            # epoll waits in whole milliseconds; select, in microseconds, and an epoll is a file that it can wait for.
            select.select([self._epoll], (), (), self._wait_s())
            self._stand_still()
            self._answer_due()
            for number, _ in self._epoll.poll(0):
                if number in self._doors:
                    self._welcome(number)
                elif connection := self._connections.get(number):
                    self._read(connection)

    def _wait_s(self) -> float | None:
        begin_ns, _ = self._ledger.next_stall_ns()
        moments = [*([begin_ns] if begin_ns else []), *([self._due[0][0]] if self._due else [])]
        return max(0, min(moments) - time.monotonic_ns()) / _NS if moments else None

    def _stand_still(self) -> None:
        """Sleep through a stall that has begun: nothing is read and nothing is sent."""
        begin_ns, end_ns = self._ledger.next_stall_ns()
        if begin_ns and time.monotonic_ns() >= begin_ns:
            self._ledger.plan_stall(0, 0)
            # To sleep is the stall itself.
            time.sleep(max(0, end_ns - time.monotonic_ns()) / _NS)

    def _answer_due(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic_ns():
            _, row, era, connection, reply, stays = heapq.heappop(self._due)
            # Before it is sent: whom the answer wakes may take this core, and would seem to have waited longer.
            self._ledger.complete(era, row, time.monotonic_ns())
            connection.is_busy = False
            self._send(connection, reply, stays)

    def _welcome(self, door: int) -> None:
        try:
            while True:
                accepted, _ = self._doors[door].accept()
                connection = _Connection(accepted, door == self._control_door)
                accepted.setblocking(connection.is_control)  # a whole ledger does not fit into a socket's buffer
                self._connections[accepted.fileno()] = connection
                self._epoll.register(accepted.fileno(), select.EPOLLIN)
        except BlockingIOError:
            return

    def _read(self, connection: _Connection) -> None:
        try:
            data, ancillary, _, _ = connection.socket.recvmsg(_READ_BYTES, _ANCILLARY_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        if not data:
            self._close(connection)
            return
        if not connection.data:
            connection.arrival_ns, connection.is_stamped = _arrival_ns(ancillary), bool(ancillary)
        connection.data += data
        self._take(connection)

    def _take(self, connection: _Connection) -> None:
        """Begin to work on the next request of a connection, if a whole one has come and none is being worked on."""
        if connection.is_busy or not connection.data or (request := read_request(connection.data)) is None:
            return
        connection.data = connection.data[request.size :]
        if connection.is_control:
            self._send(connection, self._control(request), request.stays)
            return
        if (reply := product_answer(request.line)) is None:
            self._ledger.refused += 1
            self._send(connection, NOT_FOUND, request.stays)
            return
        row = self._ledger.arrive(connection.arrival_ns, request.number, request.size)
        self._ledger.unstamped += not connection.is_stamped
        connection.is_busy = True
        at_ns = self._ledger.due_ns(row, time.monotonic_ns())
        heapq.heappush(self._due, (at_ns, row, self._ledger.era, connection, reply, request.stays))

    def _control(self, request: Request) -> bytes:
        match request.line.split()[:2]:
            case [b"GET", b"/ledger"]:
                return answer(orjson.dumps(self._ledger.as_json()))
            case [b"GET", b"/ledger/counters"]:
                pass
            case [b"DELETE", b"/ledger"]:
                self._ledger.clear()
            case [b"PUT", b"/stall"]:
                plan = orjson.loads(request.body)
                self._ledger.plan_stall(float(plan["after_s"]), float(plan["for_s"]))
            case _:
                return NOT_FOUND
        return answer(orjson.dumps(self._ledger.counters()))

    def _send(self, connection: _Connection, data: bytes, stays: bool) -> None:
        if self._hand_over(connection, data) and stays:
            self._take(connection)
        else:
            self._close(connection)

    def _hand_over(self, connection: _Connection, data: bytes) -> bool:
        """Give an answer to the kernel; False when it does not go out whole."""
        try:
            if connection.is_control:
                connection.socket.sendall(data)
                return True
            is_whole = connection.socket.send(data) == len(data)
        except BlockingIOError:
            is_whole = False
        except OSError:  # the other side is gone
            return False
        self._ledger.cut_off += not is_whole
        return is_whole

    def _close(self, connection: _Connection) -> None:
        number = connection.socket.fileno()
        if number >= 0:  # else it is closed already, and what it waited for comes due only now
            del self._connections[number]
            connection.socket.close()


def _listen(port: int) -> socket.socket:
    door = socket.create_server((_HOST, port), backlog=_BACKLOG)
    door.setblocking(False)
    # Connections inherit both from the listening socket.
    door.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return door


def _arrival_ns(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    """Return when the bytes came, on CLOCK_MONOTONIC: the kernel stamps on the clock that can be set."""
    now_ns = time.monotonic_ns()
    for _level, kind, data in ancillary:
        if kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
            age_ns: int = time.time_ns() - seconds * _NS - nanoseconds
            return now_ns - max(0, age_ns)
    return now_ns
