"""Start the doubles: `python -m testbed.cloud [--prometheus URL] [--port 0] [--apm-port 0] [--control-port 0]`."""

from __future__ import annotations

import argparse
import asyncio
import sys

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from testbed.cloud.apm import Apm
from testbed.cloud.app import DEFAULTS, OPERATIONS, cloud_app
from testbed.cloud.kept import Kept
from testbed.stub.behaviour import BehaviourError, parse_text
from testbed.stub.control import Controls, serve


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM; exit 2 on bad usage."""
    options = _options(argv)
    try:
        behaviour = parse_text(options.behaviour, base=DEFAULTS, operations=OPERATIONS)
    except BehaviourError as error:
        sys.stderr.write(f"--behaviour: {error}\n")
        sys.exit(2)
    asyncio.run(_serve(Controls(DEFAULTS, behaviour, OPERATIONS), options))


async def _serve(controls: Controls, options: argparse.Namespace) -> None:
    kept = Kept()
    apm = Apm(controls, kept, options.apm_port)
    await apm.open()
    app = cloud_app(controls, kept, options.prometheus)
    try:
        await serve(
            "cloud",
            app,
            controls,
            port=options.port,
            control_port=options.control_port,
            routes=_routes(kept, apm),
            more={"apm": apm.url},
        )
    finally:
        await apm.shut()


def _routes(kept: Kept, apm: Apm) -> list[Route]:
    async def show(_: Request) -> Response:
        return Response(orjson.dumps(kept.as_json()), media_type="application/json")

    async def clear(_: Request) -> Response:
        kept.clear()
        return Response(status_code=204)

    async def traces(request: Request) -> Response:
        ids = orjson.loads(await request.body())["ids"]
        found = [span for one in ids for span in kept.traces.get(one, ())]
        return Response(orjson.dumps({"spans": found}), media_type="application/json")

    async def down(request: Request) -> Response:
        await apm.shut(orjson.loads(await request.body() or b"{}").get("for_s"))
        return Response(status_code=204)

    async def up(_: Request) -> Response:
        await apm.open()
        return Response(status_code=204)

    return [
        Route("/kept", show, methods=["GET"]),
        Route("/kept", clear, methods=["DELETE"]),
        Route("/traces", traces, methods=["POST"]),
        Route("/apm/down", down, methods=["POST"]),
        Route("/apm/up", up, methods=["POST"]),
    ]


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m testbed.cloud", description="Test doubles of Huawei Cloud's receivers of telemetry."
    )
    parser.add_argument("--prometheus", default="", metavar="URL", help="a real Prometheus with remote write, for AOM")
    parser.add_argument("--port", type=int, default=0, help="port of LTS, IAM and AOM, 0: any free one")
    parser.add_argument("--apm-port", type=int, default=0, help="port of APM (gRPC), 0: any free one")
    parser.add_argument("--control-port", type=int, default=0, help="control port, 0: any free one")
    parser.add_argument("--behaviour", metavar="JSON", default="{}", help="as for PUT /behaviour")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
