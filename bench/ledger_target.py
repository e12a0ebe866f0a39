"""What answers at the least cost, and keeps a ledger that the reports of tools can be held against?

A test double of a Letta server, for benchmarks only: it takes every request for an answer to a message or for health,
knows no agents, and its answer is always the same. It exists because the Letta stub costs more CPU for each request
than the generators that share the machine with it.

The time of arrival is the kernel's, of when the first bytes came in (SO_TIMESTAMPNS), so neither a wait for this
process to run nor a stall changes it. The time of completion is taken when the answer is handed to the kernel.
"""

from __future__ import annotations

import argparse
import gc
import resource
import signal
import sys

from bench.ledger import Ledger
from bench.ledger_loop import Loop
from bench.service_times import ServiceTimes
from testbed.process import announce


def main(argv: list[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger_target", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="where requests are answered")
    parser.add_argument("--control-port", type=int, default=0, help="where the ledger is read and a stall is set")
    parser.add_argument("--service", type=ServiceTimes.parse, default="constant:20", help=ServiceTimes.parse.__doc__)
    options = parser.parse_args(argv)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # every user of a tool holds a connection of its own
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    gc.disable()  # nothing here makes cycles, and a collection would stand in the way of arrivals
    loop = Loop(Ledger(options.service), options.port, options.control_port)
    announce(part="ledger-target", url=loop.url, control=loop.control_url)
    loop.run()


if __name__ == "__main__":
    main()
