"""How does a stub answer one request under the behaviour in force? (Shared with the Letta stub.)

An operation is an ASGI endpoint around a handler. A plain handler computes its reply at once and the service time
passes before the reply is sent; a coroutine takes its service time itself, because something must happen in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs

import orjson
from starlette.types import Message, Receive, Scope, Send

from testbed.stub.behaviour import ANY, Behaviour, Fault, FaultKind
from testbed.stub.control import Controls

JSON = b"application/json"
SSE = b"text/event-stream; charset=utf-8"
_GARBAGE = b"\x00\x17<<< not JSON, not SSE: garbage on purpose >>>\xff"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer in pieces, each sent as soon as the iterator gives it."""

    pieces: AsyncGenerator[bytes, None]
    status: int = 200
    content_type: bytes = SSE
    headers: tuple[tuple[bytes, bytes], ...] = ()
    on_end: Callable[[], None] = lambda: None  # called once, however the stream ends
    is_content: Callable[[bytes], bool] = lambda _piece: False  # whether a piece shows the user something


class Refusal(Exception):  # noqa: N818  # not an error of the stub: an answer that a handler gives by raising it
    """The reply of a handler that cannot go on."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"refused with status {reply.status}")
        self.reply = reply


@dataclass(slots=True)
class Call:
    """One request, as a handler sees it."""

    operation: str
    params: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    query_string: bytes
    body: bytes
    key: str
    request_id: str
    behaviour: Behaviour
    _query: dict[str, list[str]] | None = field(default=None)

    def service_s(self, timing: str | None = None) -> float:
        """Return the service time in seconds of this request, or of another timing within it."""
        return self.behaviour.service_s(timing or self.operation, self.key)

    def query(self, name: str) -> list[str]:
        """Return all values of a query parameter, [] without it."""
        if self._query is None:
            self._query = parse_qs(self.query_string.decode("latin-1"), keep_blank_values=True)
        return self._query.get(name, [])


Answer = Reply | Stream
Handler = Callable[[Call], Answer] | Callable[[Call], Awaitable[Answer]]


class Product(Protocol):
    """What differs between the imitated products when a request fails on purpose."""

    def error(self, status: int) -> Reply:
        """Return the product's body for an error with this status."""

    def error_events(self) -> list[bytes]:
        """Return the events with which the product reports an error inside a stream that began with 200."""


def json_reply(body: object, status: int = 200) -> Reply:
    """Return a JSON reply."""
    return Reply(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), status)


class Stage:
    """Makes endpoints of handlers: ledger, stall, faults and service time happen around each."""

    def __init__(
        self,
        controls: Controls,
        product: Product,
        *,
        agent_of: Callable[[Mapping[str, str]], str] = lambda _params: "",
        messages: frozenset[str] = frozenset(),
        on_start: Callable[[str, int, float], None] = lambda _operation, _status, _elapsed_s: None,
        on_first: Callable[[str, float], None] = lambda _route, _elapsed_s: None,
        on_end: Callable[[str, str, int, float], None] = lambda _method, _route, _status, _elapsed_s: None,
    ) -> None:
        """`agent_of` finds the agent in path parameters; `messages` are the operations that send an agent a message.

        `on_start` is told the operation, the status and the seconds since the arrival when an answer begins; `on_first`
        the route and the seconds when a stream has its first content; `on_end` the method, the route, the status
        (0: none was sent) and the seconds when it has ended.
        """
        self.controls = controls
        self._product = product
        self._agent_of = agent_of
        self._messages = messages
        self._on_start = on_start
        self._on_first = on_first
        self._on_end = on_end
        self._arrivals = itertools.count()
        self._places = asyncio.Semaphore(0)
        self._servers = 0

    def endpoint(self, operation: str, handler: Handler, route: str = "") -> _Endpoint:
        """Return the ASGI endpoint of an operation; `route` is the path with its parameters unfilled."""
        return _Endpoint(self, operation, handler, route)

    async def perform(self, endpoint: _Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; its ledger entry is closed whatever happens."""
        operation, route = endpoint.operation, endpoint.route
        headers = dict(scope["headers"])
        params = scope.get("path_params", {})
        request_id = headers.get(b"x-request-id", b"").decode("latin-1")
        agent_id = self._agent_of(params)
        arrival = next(self._arrivals)
        ledger = self.controls.ledger
        entry = ledger.open(operation, request_id, agent_id)
        counted = operation in self._messages
        if counted:
            ledger.message_begins(agent_id)
        arrival_s = time.monotonic()

        def first_content() -> None:
            ledger.first_content(entry)
            self._on_first(route, time.monotonic() - arrival_s)

        sender = _Sender(
            self.controls,
            scope,
            send,
            lambda status: self._on_start(operation, status, time.monotonic() - arrival_s),
            first_content,
        )
        try:
            body = await _read(receive)
            await self.controls.stall.over()
            behaviour = self.controls.behaviour
            key = behaviour.key(request_id, arrival)
            query = scope["query_string"]
            call = Call(operation, params, headers, query, body, key, request_id, behaviour)
            async with self._place(int(behaviour.settings.get("servers", 0))):
                await self._answer(call, endpoint.handler, sender, receive)
        except asyncio.CancelledError:
            return  # the door was shut: the client was reset already, and nobody waits for this task
        finally:
            if counted:
                ledger.message_ends(agent_id)
            ledger.close(entry, sender.status)
            self._on_end(scope["method"], route, sender.status, time.monotonic() - arrival_s)

    def _place(self, servers: int) -> contextlib.AbstractAsyncContextManager[None]:
        """Return a place to be worked on, in the order of arrival where there are only so many; 0 is no limit."""
        if not servers:
            return contextlib.nullcontext()
        if servers != self._servers:  # who waits for a place of the old number gets one of those
            self._places, self._servers = asyncio.Semaphore(servers), servers
        return self._places

    async def _answer(self, call: Call, handler: Handler, sender: _Sender, receive: Receive) -> None:
        fault = self._fault(call)
        if fault is not None and fault.delay_s and fault.kind is not FaultKind.HANG:
            await asyncio.sleep(fault.delay_s)
        kind = fault.kind if fault is not None else None
        match kind:
            case None | FaultKind.SLOW:
                await sender.send(await _ask(handler, call))
            case FaultKind.TRUNCATE:
                await sender.send_half(await _ask(handler, call))
            case FaultKind.GARBAGE:
                await asyncio.sleep(call.service_s())
                await sender.send(Reply(_GARBAGE))
            case FaultKind.ERROR_IN_STREAM:
                await asyncio.sleep(call.service_s())
                await sender.send(Stream(_each(self._product.error_events())))
            case _:
                await self._refuse(fault, sender, receive)

    async def _refuse(self, fault: Fault | None, sender: _Sender, receive: Receive) -> None:
        if fault is None:
            raise RuntimeError("a refusal needs its fault")
        if fault.kind is FaultKind.STATUS:
            await sender.send(self._product.error(fault.status))
            return
        if fault.kind is FaultKind.HANG:
            await _hold(receive, fault.delay_s)
        await sender.reset()

    def _fault(self, call: Call) -> Fault | None:
        behaviour = self.controls.behaviour
        index = behaviour.fault_index(call.operation, call.key) if behaviour.faults else None
        if index is None:
            return None
        self.controls.behaviour = behaviour.spent(index)
        return behaviour.faults[index]


class _Endpoint:
    """An ASGI application (a class, so that Starlette takes it as one) for one operation."""

    def __init__(self, stage: Stage, operation: str, handler: Handler, route: str) -> None:
        self._stage = stage
        self.operation = operation
        self.handler = handler
        self.route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._stage.perform(self, scope, receive, send)


@dataclass(slots=True)
class _Sender:
    """Sends an answer, well or badly, and remembers the status that went out (0: none did)."""

    controls: Controls
    scope: Scope
    asgi_send: Send
    on_start: Callable[[int], None]
    on_content: Callable[[], None]
    status: int = 0

    async def send(self, answer: Answer) -> None:
        if isinstance(answer, Reply):
            await self._start(answer, (b"content-length", str(len(answer.body)).encode()))
            await self._piece(answer.body, more=False)
            return
        has_shown = False
        try:
            async with contextlib.aclosing(answer.pieces) as pieces:
                async for piece in pieces:
                    if not self.status:  # not before the first piece: Letta's headers come with it, too
                        await self._start(answer)
                    await self.controls.stall.over()
                    if not has_shown and answer.is_content(piece):
                        has_shown = True
                        self.on_content()
                    await self._piece(piece)
        finally:
            answer.on_end()
        await self._piece(b"", more=False)

    async def send_half(self, answer: Answer) -> None:
        pieces = [answer.body] if isinstance(answer, Reply) else await _all(answer)
        whole = b"".join(pieces)
        is_reply = isinstance(answer, Reply)
        await self._start(answer, *([(b"content-length", str(len(whole)).encode())] if is_reply else []))
        await self._piece(whole[: len(whole) // 2])
        self.controls.door.cut(self.scope)
        await asyncio.sleep(0)  # the protocol learns of the closed connection before this request ends

    async def reset(self) -> None:
        self.controls.door.reset(self.scope)
        await asyncio.sleep(0)  # as above

    async def _start(self, answer: Answer, *more_headers: tuple[bytes, bytes]) -> None:
        await self.controls.stall.over()
        headers = [*more_headers, (b"content-type", answer.content_type), *answer.headers]
        self.status = answer.status
        self.on_start(answer.status)
        await self.asgi_send({"type": "http.response.start", "status": answer.status, "headers": headers})

    async def _piece(self, body: bytes, *, more: bool = True) -> None:
        await self.asgi_send({"type": "http.response.body", "body": body, "more_body": more})


async def _ask(handler: Handler, call: Call) -> Answer:
    try:
        answer = handler(call)
        if inspect.isawaitable(answer):
            return await answer
    except Refusal as refusal:
        await asyncio.sleep(call.service_s(ANY))  # as long as any small thing, however long the operation itself takes
        return refusal.reply
    await asyncio.sleep(call.service_s())
    return answer


async def _read(receive: Receive) -> bytes:
    message: Message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    return body


async def _hold(receive: Receive, for_s: float | None) -> None:
    """Wait until the client goes away, at most `for_s`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(for_s):
            while (await receive())["type"] != "http.disconnect":
                pass


async def _all(answer: Stream) -> list[bytes]:
    try:
        return [piece async for piece in answer.pieces]
    finally:
        answer.on_end()


async def _each(pieces: list[bytes]) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        yield piece
