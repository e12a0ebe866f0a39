"""Which arguments does `python -m testbed.memory_python` take, and what can be asked of it while it runs?"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import uvloop
from aiohttp import web
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from testbed.memory_python.behaviour import Behaviour, BehaviourError
from testbed.memory_python.stand_in import FALLBACK, USER_INPUT, StandIn
from testbed.process import announce

_HOST = "127.0.0.1"


def main(arguments: list[str] | None = None) -> int:
    """Run the stand-in until SIGTERM or SIGINT; return 0."""
    parser = argparse.ArgumentParser(
        prog="python -m testbed.memory_python", description="A test double of memory-python."
    )
    parser.add_argument("--port", type=int, default=0, help="control port on 127.0.0.1 (0: a free one)")
    parser.add_argument("--redis-host", default=os.environ.get("REDIS_HOST", _HOST))
    parser.add_argument("--redis-port", type=int, default=int(os.environ.get("REDIS_PORT", "6379")))
    parser.add_argument("--user-input", action="store_true", help=f"also take messages from {USER_INPUT}")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    uvloop.run(_run(options))
    return 0


async def _run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    lists = (FALLBACK, USER_INPUT) if options.user_input else (FALLBACK,)
    redis = Redis(host=options.redis_host, port=options.redis_port, retry=Retry(NoBackoff(), 0))
    stand_in = StandIn(redis, lists=lists)
    runner = web.AppRunner(_control(stand_in), access_log=None, handle_signals=False)
    await runner.setup()
    listener = socket.create_server((_HOST, options.port))
    await web.SockSite(runner, listener).start()
    announce(part="memory-python", control=f"http://{_HOST}:{listener.getsockname()[1]}")
    try:
        await stand_in.run(stop)
    finally:
        await runner.cleanup()
        await redis.aclose()


def _control(stand_in: StandIn) -> web.Application:
    app = web.Application()
    app.router.add_get("/behaviour", _show(lambda: _described(stand_in.behaviour)))
    app.router.add_get("/stats", _show(lambda: dict(stand_in.counts)))
    app.router.add_put("/behaviour", _changer(stand_in, from_default=True))
    app.router.add_patch("/behaviour", _changer(stand_in, from_default=False))
    return app


def _show(document: Callable[[], dict[str, Any]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(document())

    return answer


def _changer(stand_in: StandIn, *, from_default: bool) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        base = Behaviour() if from_default else stand_in.behaviour
        try:
            stand_in.behaviour = base.changed(orjson.loads(await request.read()))
        except (BehaviourError, orjson.JSONDecodeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(_described(stand_in.behaviour))

    return answer


def _described(behaviour: Behaviour) -> dict[str, Any]:
    return {"mode": behaviour.mode.value, "service_time_ms": behaviour.service_time_ms}


if __name__ == "__main__":
    sys.exit(main())
