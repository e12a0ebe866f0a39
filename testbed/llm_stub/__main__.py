"""Start the LLM stub: `python -m testbed.llm_stub --port 0 --control-port 0 [--behaviour JSON]`."""

from __future__ import annotations

import argparse
import asyncio
import sys

import uvloop

from testbed.llm_stub.app import llm_app
from testbed.llm_stub.defaults import DEFAULTS, OPERATIONS
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
    controls = Controls(DEFAULTS, behaviour, OPERATIONS)
    served = serve("llm-stub", llm_app(controls), controls, port=options.port, control_port=options.control_port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(served)


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m testbed.llm_stub", description="A test double of an OpenAI-compatible model server."
    )
    parser.add_argument("--port", type=int, default=0, help="main port, 0: any free one")
    parser.add_argument("--control-port", type=int, default=0, help="control port, 0: any free one")
    parser.add_argument("--behaviour", metavar="JSON", default="{}", help="as for PUT /behaviour")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
