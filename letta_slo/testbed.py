"""`letta-slo testbed`: start the embedded testbed and keep it until Ctrl-C, for `locust -f loadtests`."""

from __future__ import annotations

import signal
import tempfile
import threading
from pathlib import Path

import click

from letta_slo import options
from loadgen.plan import REDIS_VARIABLE
from testbed.embedded import EmbeddedTestbed

_EPILOG = options.epilog("""
  letta-slo testbed
  letta-slo testbed --for 600
""")


@click.command(epilog=_EPILOG)
@click.option("--for", "for_s", type=click.FloatRange(min=1), help="Stop by itself after so many seconds.")
def testbed(for_s: float | None) -> int:
    """Start the embedded testbed on loopback and print its addresses; Ctrl-C stops it."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with tempfile.TemporaryDirectory(prefix="letta-slo-") as logs:
        bed = EmbeddedTestbed(Path(logs), say=lambda part: click.echo(f"starting {part}", err=True))
        with bed:
            click.echo(f"export LETTA_SLO_LETTA_URL={bed.letta_url} LOCUST_HOST={bed.letta_url}")
            click.echo(f"export {REDIS_VARIABLE}={bed.redis.url}")
            click.echo(f"# the stub's behaviour: curl -X PATCH {bed.letta_control}/behaviour -d ...", err=True)
            try:
                stopped.wait(for_s)
            except KeyboardInterrupt:
                click.echo("stopping", err=True)
    return 0
