"""How does `locust -f loadtests` run without a plan? Live users are the rate, options give the rest."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gevent
from locust.argument_parser import LocustArgumentParser

from loadgen import guard, prepare, schedule
from loadgen.machine import describe
from loadgen.plan import DEFAULT_EMBEDDING, DEFAULT_MODEL, REDIS_VARIABLE, Phases, RunPlan, Sessions
from loadgen.run_folder import create, new_run_id, now_text
from loadgen.samples import SESSION_OPERATIONS
from loadgen.scenario import Scenario
from loadgen.target import check_letta, check_redis
from loadgen.worker import Arrival, Place

_WINDOW_S = 0.25  # how far ahead arrivals are drawn: the delay until a changed rate is felt
_UNTIL_STOPPED_S = 7 * 24 * 3600.0


def add_options(parser: LocustArgumentParser) -> None:
    """Add our options to Locust's, each with an environment variable; all show in the web page."""
    group = parser.add_argument_group("letta-slo")
    option: Callable[..., Any] = group.add_argument
    option("--agents", type=int, default=100, env_var="LETTA_SLO_AGENTS", help="Agents to create before the run")
    option("--turns", type=int, default=3, env_var="LETTA_SLO_TURNS", help="Messages of one session")
    option("--think-time", type=float, default=2.0, env_var="LETTA_SLO_THINK_TIME", help="Seconds between turns")
    option("--seed", type=int, default=1, env_var="LETTA_SLO_SEED", help="Seed of arrivals and texts")
    option("--model", default=DEFAULT_MODEL, env_var="LETTA_SLO_MODEL", help="Model handle of new agents")
    option(
        "--embedding",
        default=DEFAULT_EMBEDDING,
        env_var="LETTA_SLO_EMBEDDING",
        help="Embedding handle of new agents",
    )
    option("--runs-dir", default="runs", env_var="LETTA_SLO_RUNS_DIR", help="Where run folders are made")
    option(
        "--i-own-this-target",
        action="store_true",
        env_var="LETTA_SLO_I_OWN_THIS_TARGET",
        help="Allow more than 50 requests a second to a host that is not this machine",
    )


def plan(options: Namespace, classes: Sequence[type[Scenario]], workers: int) -> RunPlan:
    """Prepare agents on the target and make a run folder; raises when the target is refused or absent."""
    if not options.host:
        raise guard.GuardError("no target: name your Letta server with --host http://127.0.0.1:8283")
    guard.check_no_credentials(options.host, "--host", "LETTA_API_KEY")
    guard.check(options.host, float(options.num_users or 0), owned=options.i_own_this_target)
    found = {"letta-api": (options.host, check_letta(options.host))}
    redis_url = os.environ.get(REDIS_VARIABLE)
    if redis_url:
        guard.checked(redis_url, REDIS_VARIABLE, guard.REDIS_SCHEMES)
        guard.check(redis_url, float(options.num_users or 0), owned=options.i_own_this_target)
        found["letta-bridge"] = (redis_url, check_redis(redis_url))
    run_id = new_run_id()
    folder = Path(options.runs_dir).resolve() / run_id
    tag = prepare.TAG_PREFIX + run_id
    needs_agents = any(cls.needs in {"agent", "any agent"} for cls in classes)
    ids = prepare.create_agents(
        options.host,
        options.agents if needs_agents else 0,
        tag,
        model=options.model,
        embedding=options.embedding,
    )
    made = RunPlan(
        run_id=run_id,
        folder=str(folder),
        seed=options.seed,
        rates={},
        phases=Phases(warmup_s=0.0, steady_s=_UNTIL_STOPPED_S),
        letta_url=options.host,
        redis_url_env=REDIS_VARIABLE if redis_url else None,
        agents=ids,
        sessions=Sessions(options.turns, options.think_time),
        model=options.model,
        embedding=options.embedding,
    )
    targets = {
        service: {"kind": "stub" if one.is_double else "own", "address": guard.redact(url), "version": one.version}
        for service, (url, one) in found.items()
    }
    facts = {"run_id": run_id, "started_at": now_text(), "targets": targets, "workers": workers, "live": True}
    create(folder, {**facts, "plan": {**made.to_dict(), "folder": "."}, "machine": describe()})
    return made


def arrivals(
    count_users: Callable[[], Mapping[str, float]],
    place: Place,
    *,
    seed: int,
    turns: int,
    is_over: Callable[[], bool],
) -> Iterator[Arrival]:
    """Yield arrivals, until `is_over` says so, at the rate that the live users stand for, a window at a time.

    A Poisson process cut into windows is still one, so changing the rate between windows needs no correction. Numbers
    of different workers never meet.
    """
    window, number = 0, place.worker
    while not is_over():
        start_ns = int(window * _WINDOW_S * 1e9)
        ahead_s = (start_ns + place.origin_ns - time.monotonic_ns()) / 1e9
        if ahead_s > _WINDOW_S:
            gevent.sleep(ahead_s - _WINDOW_S)
        rates = {name: users / (turns if name in SESSION_OPERATIONS else 1) for name, users in count_users().items()}
        part = schedule.build(rates, _WINDOW_S, seed=(seed + place.worker) * 1_000_003 + window)
        for code, offset in zip(part.scenario.tolist(), part.offset_ns.tolist(), strict=True):
            yield Arrival(number, part.scenarios[code], start_ns + offset)
            number += place.workers
        window += 1
