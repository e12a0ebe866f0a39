"""Start the Letta stub: `python -m testbed.letta_stub --port 0 --control-port 0 [--llm URL] [--redis-configured]`."""

from __future__ import annotations

import argparse
import asyncio
import sys

import uvloop

from testbed.letta_stub.app import control_routes, letta_app
from testbed.letta_stub.defaults import OPERATIONS, default_behaviour
from testbed.letta_stub.house import House
from testbed.letta_stub.mind import OwnMind
from testbed.letta_stub.model_server import ModelServerMind, ModelServerMissingError
from testbed.letta_stub.models import Models
from testbed.stub.behaviour import BehaviourError, parse_text
from testbed.stub.control import Controls, serve


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM; exit 2 on bad usage."""
    options = _options(argv)
    defaults = default_behaviour(with_model_server=options.llm is not None)
    try:
        behaviour = parse_text(options.behaviour, base=defaults, operations=OPERATIONS)
    except BehaviourError as error:
        sys.stderr.write(f"--behaviour: {error}\n")
        sys.exit(2)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_serve(options, Controls(defaults, behaviour, OPERATIONS)))
        except ModelServerMissingError as error:
            sys.stderr.write(f"--llm: {error}\n")
            sys.exit(2)


async def _serve(options: argparse.Namespace, controls: Controls) -> None:
    if options.llm is None:
        await _open(options, House(controls, OwnMind(), Models(), has_redis=options.redis_configured))
        return
    mind = ModelServerMind(options.llm)
    try:
        await _open(options, House(controls, mind, await mind.models(), has_redis=options.redis_configured))
    finally:
        await mind.close()


async def _open(options: argparse.Namespace, house: House) -> None:
    await serve(
        "letta-stub",
        letta_app(house),
        house.controls,
        port=options.port,
        control_port=options.control_port,
        routes=control_routes(house),
    )


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m testbed.letta_stub", description="A test double of Letta 0.16.4.")
    parser.add_argument("--port", type=int, default=0, help="main port, 0: any free one")
    parser.add_argument("--control-port", type=int, default=0, help="control port, 0: any free one")
    parser.add_argument("--llm", metavar="URL", help="ask this OpenAI-compatible server (…/v1) for replies")
    parser.add_argument("--redis-configured", action="store_true", help="behave as a Letta that has Redis")
    parser.add_argument("--behaviour", metavar="JSON", default="{}", help="as for PUT /behaviour")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
