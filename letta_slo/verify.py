"""`letta-slo verify`: drive a target, judge every objective, write a report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import click

from letta_slo import crew, options
from letta_slo.needs import check_cost, needs, read_prices, warn, warn_of_busy_pools
from letta_slo.outcome import conclude
from letta_slo.session import Wish, plan_of, run
from letta_slo.targets import Targets, embedded, own, real_letta, redis_url_of
from letta_slo.telemetry import OF_BRIDGE, OF_LETTA, collecting
from letta_slo.terminal import Talk
from loadgen import guard, tiers
from loadgen.run_folder import new_run_id
from slo.catalog import load
from testbed.letta_stub.defaults import OPERATIONS, default_behaviour
from testbed.stub.behaviour import BehaviourError, parse_text

_EPILOG = options.epilog("""
  letta-slo verify                                      the embedded testbed: a stub of Letta, the reference bridge
  letta-slo verify --duration 300                       the same with five minutes of steady state
  letta-slo verify --target letta                       a real Letta 0.16.4, installed and started here
  letta-slo verify --letta-url http://127.0.0.1:8283    your own server (LETTA_API_KEY from the environment)
  letta-slo verify --letta-url http://127.0.0.1:8283 --tier medium --reuse-agents    agents made by letta-slo prepare
  letta-slo verify --redis-url redis://127.0.0.1:6379   your own bridge
  letta-slo verify --letta-url http://10.0.0.5:8283 --expect-workers 4 --master-bind 10.0.0.7:5557
                                                        the same by four workers on other machines
""")


@click.command(epilog=_EPILOG)
@options.started_here
@options.addresses
@options.load
@options.phases
@options.money
@options.judging
@click.option(
    "--reuse-agents",
    is_flag=True,
    help="Drive the agents that `letta-slo prepare` made for the tier: reset first, and left where they are.",
)
@click.option(
    "--telemetry",
    is_flag=True,
    help="Have each request bring a trace of its own; what is started here sends its telemetry through the collector "
    "(make collector), and the report shows where the time of slow requests went, from their spans.",
)
@click.option(
    "--trace-url",
    metavar="URL",
    help="With --telemetry: where a trace is looked at, with {trace_id} in it; the report links there.",
)
@options.workers
@crew.options
@options.runs_dir("the run folder is")
@options.quiet
def verify(**given: Any) -> int:
    """Drive a target, judge every objective in the catalogue, and write a report.

    Without an address the suite starts its own testbed on loopback. What a run makes on a target is removed at the end.
    The exit code is the verdict.
    """
    if given["reuse_agents"] and not given["letta_url"]:
        raise click.UsageError("--reuse-agents needs --letta-url: what is started here has no agents from before")
    _check_trace_url(given)
    catalogue = options.select(load(given["catalog"]), given["only"])
    talk = Talk(quiet=given["quiet"])
    wish = _wish(given)
    prices = read_prices(given["prices"], given["max_cost"])
    opened = _open(given, wish, talk)
    options.make_runs_dir(given["runs_dir"])
    with opened as targets:
        planned = plan_of(wish, targets)
        needed = needs(catalogue, wish.tier, planned.rates, planned.phases, prices)
        check_cost(needed, given["max_cost"])
        warn(needed, talk.say)
        warn_of_busy_pools(wish.tier, planned.rates, catalogue, talk.say)
        folder = run(planned, wish, targets, talk)
    return conclude(folder, catalogue, output=given["output"], on_inconclusive=given["on_inconclusive"])


def _wish(given: dict[str, Any]) -> Wish:
    is_real = given["target"] == "letta" and not given["letta_url"]
    tier = tiers.load(given["tier"] or ("tiny" if is_real else "small"))
    run_id = new_run_id()
    return Wish(
        run_id=run_id,
        folder=given["runs_dir"] / run_id,
        tier=tier,
        rate=given["rate"] or tier.rate,
        phases=options.phases_of(given, tier),
        seed=given["seed"],
        workers=given["expect_workers"] or given["workers"],
        reuse_agents=given["reuse_agents"],
        meeting=crew.chosen(given),
        traced=given["telemetry"],
        trace_url=given["trace_url"] or "",
    )


def _open(given: dict[str, Any], wish: Wish, talk: Talk) -> AbstractContextManager[Targets]:
    """Return the targets that the options name, not started yet; refuses a load that is not allowed."""
    redis_url = redis_url_of(given["redis_url"])
    letta_url = given["letta_url"]
    if letta_url or redis_url:
        if letta_url:
            guard.check_no_credentials(letta_url, "--letta-url", "LETTA_API_KEY")
        for url in filter(None, (letta_url, redis_url)):
            guard.check(url, wish.rate, owned=given["i_own_this_target"])
        return own(letta_url, redis_url, given["model"], given["embedding"])
    return _started_here(given, wish, read_behaviour(given["stub_behaviour"]), talk)


@contextmanager
def _started_here(given: dict[str, Any], wish: Wish, behaviour: dict[str, Any] | None, talk: Talk) -> Iterator[Targets]:
    log_dir = wish.folder.resolve() / "parts"
    with ExitStack() as parts:
        is_real = given["target"] == "letta"
        expected = OF_LETTA if is_real else OF_BRIDGE
        telemetry = parts.enter_context(collecting(log_dir, expected, talk.say)) if wish.traced else None
        if is_real:
            yield parts.enter_context(real_letta(log_dir, talk.say, telemetry))
        else:
            yield parts.enter_context(embedded(log_dir, wish.tag, behaviour, talk.say, telemetry=telemetry))


def _check_trace_url(given: dict[str, Any]) -> None:
    """Refuse an address that leads to no trace; raises click.UsageError."""
    url = given["trace_url"]
    if url is None:
        return
    if not given["telemetry"]:
        raise click.UsageError("--trace-url needs --telemetry: without it no request brings a trace")
    if not url.startswith(("http://", "https://")) or "{trace_id}" not in url:
        raise click.BadParameter(
            f"{url!r}: an address with http:// or https:// and {{trace_id}} in it", param_hint="--trace-url"
        )


def read_behaviour(text: str | None) -> dict[str, Any] | None:
    """Return the behaviour, of which the stub would take every word; raises click.BadParameter."""
    if text is None:
        return None
    try:
        parse_text(text, base=default_behaviour(with_model_server=True), operations=OPERATIONS)
    except BehaviourError as error:
        raise click.BadParameter(str(error), param_hint="--stub-behaviour") from error
    return dict(json.loads(text))
