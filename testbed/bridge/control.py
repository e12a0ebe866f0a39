"""What does the bridge tell about itself over HTTP?"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from testbed.bridge.metrics import CONTENT_TYPE

HOST = "127.0.0.1"


class PortTakenError(Exception):
    """The control port cannot be listened on."""


class Control:
    """A small HTTP server on loopback: `GET /stats`, `GET /healthz` and `GET /metrics`."""

    def __init__(
        self,
        stats: Callable[[], Awaitable[dict[str, Any]]],
        health: Callable[[], Awaitable[dict[str, Any]]],
        metrics: Callable[[], bytes],
    ) -> None:
        self._stats = stats
        self._health = health
        self._metrics = metrics
        app = web.Application()
        app.router.add_get("/stats", self._answer_stats)
        app.router.add_get("/healthz", self._answer_health)
        app.router.add_get("/metrics", self._answer_metrics)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)

    async def start(self, port: int) -> str:
        """Listen on `port` (0: a free one) and return the address; raises PortTakenError."""
        await self._runner.setup()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise PortTakenError(f"control port {port}: {error.strerror}") from error
        await web.SockSite(self._runner, listener).start()
        return f"http://{HOST}:{listener.getsockname()[1]}"

    async def stop(self) -> None:
        """Close the port."""
        await self._runner.cleanup()

    async def _answer_stats(self, _: web.Request) -> web.Response:
        return _json(await self._stats(), 200)

    async def _answer_health(self, _: web.Request) -> web.Response:
        health = await self._health()
        return _json(health, 200 if health["healthy"] else 503)

    async def _answer_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": CONTENT_TYPE})


def _json(document: dict[str, Any], status: int) -> web.Response:
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")
