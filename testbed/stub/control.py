"""How is a stub steered and watched while it runs?

`serve` opens two ports: the main one speaks only the imitated product's API, the control port is ours: behaviour,
down / up / stall, and the ledger, which is the stub's own truth about the requests it saw.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from testbed.process import announce
from testbed.stub.behaviour import Behaviour, BehaviourError, Operations, parse
from testbed.stub.door import Door
from testbed.stub.ledger import Ledger

_LONGEST_PAUSE_S = 3600.0


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
    part: str,
    app: ASGIApp,
    controls: Controls,
    *,
    port: int,
    control_port: int,
    routes: Sequence[Route] = (),
    more: Mapping[str, str] | None = None,
) -> None:
    """Open both ports, announce them, and run until SIGTERM or SIGINT; port 0 is any free one.

    `routes` are further ones of the control port, `more` further addresses to announce.
    """
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
    announce(part=part, url=controls.door.url, control=control_door.url, **(more or {}))
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
