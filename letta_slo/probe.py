"""`letta-slo probe`: ask a live deployment something every so often, and export what came of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click
from prometheus_client import start_http_server

from letta_slo import options
from letta_slo.targets import redis_url_of
from loadgen import guard, prepare
from loadgen.run_folder import new_run_id
from loadgen.target import TargetError, check_letta, check_redis
from probe.asking import Asker, BridgeRequests, LettaMessages
from probe.counters import Counters
from probe.rounds import Rounds
from slo.catalog import load

_EPILOG = options.epilog("""
  letta-slo probe --letta-url http://127.0.0.1:8283 --redis-url redis://127.0.0.1:6379
  letta-slo probe --letta-url http://127.0.0.1:8283 --every 60 --port 9464
  letta-slo gate --prometheus http://127.0.0.1:9090 --from 24h --probe                       judge by what it counted
""")
_LEAST_EVERY_S = 1.0


@click.command(epilog=_EPILOG)
@options.addresses
@options.catalogue
@click.option(
    "--every",
    type=options.FiniteRange(min=_LEAST_EVERY_S),
    default=10,
    show_default=True,
    help="Seconds between two probes of the same kind.",
)
@click.option(
    "--timeout",
    type=options.FiniteRange(min=0.1),
    default=30,
    show_default=True,
    help="Seconds after which a probe is given up.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=9464, show_default=True, help="Port of /metrics.")
@click.option("--listen", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address of /metrics.")
@click.option(
    "--renew-after",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Messages after which the agent is replaced, since its history costs tokens.",
)
@click.option("--for", "for_s", type=options.FiniteRange(min=1), help="Stop by itself after so many seconds.")
def probe(**given: Any) -> int:
    """Send a message straight to Letta and one through the bridge every so often, until Ctrl-C.

    What comes of it is counted for each objective and served at /metrics, so that a service without traffic has an
    indicator. Its own counters stay apart from those of the servers.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    catalogue = options.select(load(given["catalog"]), given["only"])
    with _askers(given) as askers:
        counters = Counters(catalogue, [asker.operation for asker in askers])
        server, thread = start_http_server(given["port"], addr=given["listen"], registry=counters.registry)
        click.echo(f"metrics at http://{given['listen']}:{server.server_port}/metrics", err=True)
        say = lambda text: click.echo(text, err=True)  # noqa: E731 - a name for what is passed on
        rounds = [
            Rounds(asker, counters, every_s=given["every"], timeout_s=given["timeout"], say=say) for asker in askers
        ]
        threads = [threading.Thread(target=one.run, args=(stop,), daemon=True) for one in rounds]
        for each in threads:
            each.start()
        _wait(stop, given["for_s"])
        for each in threads:
            each.join(given["timeout"] + 1.0)
        server.shutdown()
        thread.join()
        for asker, one in zip(askers, rounds, strict=True):
            _print(asker.operation, one)
    return 0


@contextmanager
def _askers(given: dict[str, Any]) -> Iterator[list[Asker]]:
    letta_url, redis_url = given["letta_url"], redis_url_of(given["redis_url"])
    if not letta_url and not redis_url:
        raise click.UsageError("name what to probe: --letta-url, --redis-url, or both")
    run_id = f"{new_run_id()}-probe"
    with ExitStack() as stack:
        askers: list[Asker] = []
        if letta_url:
            guard.check_no_credentials(letta_url, "--letta-url", "LETTA_API_KEY")
            check_letta(letta_url)
            models = {"model": given["model"], "embedding": given["embedding"]}
            tag = prepare.TAG_PREFIX + run_id
            askers.append(LettaMessages(letta_url, tag, renew_after=given["renew_after"], **models))
            stack.callback(_close, askers[-1])
        if redis_url:
            check_redis(redis_url)
            askers.append(BridgeRequests(redis_url, run_id))
            stack.callback(_close, askers[-1])
        yield askers


def _close(asker: Asker) -> None:
    try:
        asker.close()
    except TargetError as error:
        click.echo(f"{error}; what the probe made stays until letta-slo cleanup removes it", err=True)


def _wait(stop: threading.Event, for_s: float | None) -> None:
    try:
        stop.wait(for_s)
    except KeyboardInterrupt:
        click.echo("stopping", err=True)
    stop.set()


def _print(operation: str, rounds: Rounds) -> None:
    tally = rounds.tally
    click.echo(
        f"{operation}: {tally.sent} sent, {tally.not_sent} not sent in time, {tally.bad} bad, slowest "
        f"{tally.slowest_s:.2f} s, {tally.tokens_in:,} tokens in and {tally.tokens_out:,} out"
    )
    for reason, count in sorted(tally.errors.items()):
        click.echo(f"  {count} × {reason}")
