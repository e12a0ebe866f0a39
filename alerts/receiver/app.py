"""Which paths does the receiver serve, and which status tells an Alertmanager what?

2xx only for what was delivered. An Alertmanager tries again after 5xx, and after no other status (0.25 to 0.34 know no
429 of a webhook), so everything that may succeed later is 502 or 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from alerts.receiver.metrics import Metrics
from alerts.receiver.outbox import Outbox, Outcome
from alerts.receiver.webhook import PayloadError, parse

_LARGEST: Final = 4 * 1024 * 1024
_STATUS: Final = {Outcome.DELIVERED: 200, Outcome.REPEATED: 200, Outcome.LATER: 503, Outcome.FAILED: 502}


def receiver_app(outboxes: Mapping[str, Outbox], metrics: Metrics, token: str = "") -> Starlette:
    """Return the application; with a token only who shows it as a bearer may notify."""

    async def notify(request: Request) -> Response:
        if token and not _shows(request, token):
            return PlainTextResponse("the token is missing or wrong\n", 401, {"WWW-Authenticate": "Bearer"})
        name = request.path_params["channel"]
        if name not in outboxes:
            return PlainTextResponse(f"no channel {name!r}; there are {', '.join(outboxes)}\n", 404)
        body = await _body(request)
        if body is None:
            return PlainTextResponse(f"more than {_LARGEST} bytes\n", 413)
        try:
            notification = parse(body)
        except PayloadError as error:
            return PlainTextResponse(f"{error}\n", 400)
        result = await outboxes[name].deliver(notification)
        headers = {"Retry-After": "5"} if result.outcome is Outcome.LATER else {}
        return PlainTextResponse(f"{result.outcome} {result.text}".rstrip() + "\n", _STATUS[result.outcome], headers)

    async def show_metrics(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(one.run()) for one in outboxes.values()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return Starlette(
        routes=[
            Route("/v1/notify/{channel}", notify, methods=["POST"]),
            Route("/metrics", show_metrics, methods=["GET"]),
            Route("/healthz", healthy, methods=["GET"]),
        ],
        lifespan=lifespan,
    )


def _shows(request: Request, token: str) -> bool:
    given = request.headers.get("authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


async def _body(request: Request) -> bytes | None:
    """Return the body, None when it is too large."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > _LARGEST:
            return None
        pieces.append(piece)
    return b"".join(pieces)
