"""Start the doubles: `python -m testbed.cloud.management [--port 0] [--control-port 0]`."""

from __future__ import annotations

import argparse
import asyncio

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from testbed.cloud.management.app import Management
from testbed.stub.behaviour import Behaviour, Operations
from testbed.stub.control import Controls, serve


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m testbed.cloud.management", description="Test doubles of the management APIs of AOM, SMN, LTS."
    )
    parser.add_argument("--port", type=int, default=0, help="port of the services, 0: any free one")
    parser.add_argument("--control-port", type=int, default=0, help="control port, 0: any free one")
    options = parser.parse_args(argv)
    nothing = Behaviour(service_times={})
    controls = Controls(nothing, nothing, Operations(names=()))
    made = Management(controls)
    asyncio.run(
        serve(
            "cloud-management",
            made.app(),
            controls,
            port=options.port,
            control_port=options.control_port,
            routes=_routes(made),
        )
    )


def _routes(made: Management) -> list[Route]:
    async def show(_: Request) -> Response:
        found = {**made.store.as_json(), "requests": made.requests, "refused": made.refused}
        return Response(orjson.dumps(found), media_type="application/json")

    async def put(request: Request) -> Response:
        body = orjson.loads(await request.body())
        made.store.put(body["kind"], body["key"], body["row"])
        return Response(status_code=204)

    async def clear(_: Request) -> Response:
        made.store.clear()
        made.requests.clear()
        made.refused.clear()
        return Response(status_code=204)

    async def fail(request: Request) -> Response:
        made.faults.set(orjson.loads(await request.body() or b"{}"))
        return Response(status_code=204)

    return [
        Route("/held", show, methods=["GET"]),
        Route("/held", put, methods=["PUT"]),
        Route("/held", clear, methods=["DELETE"]),
        Route("/faults", fail, methods=["PUT"]),
    ]


if __name__ == "__main__":
    main()
