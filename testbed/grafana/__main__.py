"""Start the double of a Grafana: `python -m testbed.grafana [--prometheus URL] [--port 0]`."""

from __future__ import annotations

import argparse
import asyncio
import socket

import uvicorn

from testbed.grafana.app import Kept, grafana_app
from testbed.process import announce

_HOST = "127.0.0.1"


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m testbed.grafana", description="A test double of Grafana's HTTP API. It draws nothing."
    )
    parser.add_argument("--prometheus", default="", metavar="URL", help="a real Prometheus, to which queries go")
    parser.add_argument("--port", type=int, default=0, help="port, 0: any free one")
    options = parser.parse_args(argv)
    listener = socket.create_server((_HOST, options.port))
    server = uvicorn.Server(uvicorn.Config(grafana_app(Kept(), options.prometheus), log_level="warning"))
    announce(part="grafana", url=f"http://{_HOST}:{listener.getsockname()[1]}")
    asyncio.run(server.serve(sockets=[listener]))


if __name__ == "__main__":
    main()
