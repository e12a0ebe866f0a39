"""Start the stand-ins: `python -m testbed.notification [--port 0] [--mail-port 0] [--control-port 0]`."""

from __future__ import annotations

import argparse
import asyncio

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from testbed.notification.channels import DEFAULTS, OPERATIONS, notification_app
from testbed.notification.kept import Kept
from testbed.notification.smtp import MailServer
from testbed.stub.control import Controls, serve


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m testbed.notification", description="Stand-ins of what reaches people."
    )
    parser.add_argument("--port", type=int, default=0, help="port of robots, SMN and the watchdog, 0: any free one")
    parser.add_argument("--mail-port", type=int, default=0, help="port of the mail server, 0: any free one")
    parser.add_argument("--control-port", type=int, default=0, help="control port, 0: any free one")
    asyncio.run(_serve(parser.parse_args(argv)))


async def _serve(options: argparse.Namespace) -> None:
    kept, controls = Kept(), Controls(DEFAULTS, DEFAULTS, OPERATIONS)
    mail = MailServer(kept, options.mail_port)
    await mail.open()
    try:
        await serve(
            "notification",
            notification_app(controls, kept),
            controls,
            port=options.port,
            control_port=options.control_port,
            routes=_routes(kept, mail),
            more={"mail": f"127.0.0.1:{mail.port}"},
        )
    finally:
        await mail.shut()


def _routes(kept: Kept, mail: MailServer) -> list[Route]:
    async def show(_: Request) -> Response:
        return Response(orjson.dumps(kept.as_json()), media_type="application/json")

    async def clear(_: Request) -> Response:
        kept.clear()
        return Response(status_code=204)

    async def down(_: Request) -> Response:
        await mail.shut()
        return Response(status_code=204)

    async def up(_: Request) -> Response:
        await mail.open()
        return Response(status_code=204)

    return [
        Route("/kept", show, methods=["GET"]),
        Route("/kept", clear, methods=["DELETE"]),
        Route("/mail/down", down, methods=["POST"]),
        Route("/mail/up", up, methods=["POST"]),
    ]


if __name__ == "__main__":
    main()
