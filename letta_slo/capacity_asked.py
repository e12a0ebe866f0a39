"""What do the options of `letta-slo capacity` ask for? Its load, its steps, its target, the points of its curve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from math import inf
from typing import Any, Literal

import click

from letta_slo.capacity_steps import Steps
from letta_slo.needs import read_prices
from letta_slo.session import check_workers
from letta_slo.targets import Say, Targets, embedded, own, real_letta, redis_url_of
from letta_slo.verify import read_behaviour
from loadgen import guard, tiers
from loadgen.plan import Sessions
from loadgen.run_folder import now_text
from loadgen.samples import BRIDGE_OPERATIONS
from loadgen.tiers import Tier
from report.capacity import Asked
from slo.objective import Catalogue, Phase
from slo.operations import LETTA_API, LETTA_BRIDGE
from slo.scalability import Point
from slo.search import Rules

Service = Literal["letta", "bridge"]

# Twice the large tier of the source documents.
_HIGHEST_RATE = 4000.0
# The first rate should be met, and each doubling takes one step.
_FIRST_SHARE = 0.2


def service_of(given: dict[str, Any]) -> Service:
    """Return whose capacity is sought; raises click.UsageError."""
    if given["service"] is None:
        return "bridge" if redis_url_of(given["redis_url"]) and not given["letta_url"] else "letta"
    if given["service"] == "bridge":
        if given["target"] == "letta" and not redis_url_of(given["redis_url"]):
            raise click.UsageError("--target letta starts no bridge; name the Redis of yours with --redis-url")
        return "bridge"
    return "letta"


def steps_of(given: dict[str, Any], run_id: str) -> Steps:
    """Return what all steps have in common; raises GuardError and click.UsageError."""
    service = service_of(given)
    tier = _tier(given, service)
    check_workers(given["workers"], tier)
    return Steps(
        run_id=run_id,
        folder=given["runs_dir"] / run_id,
        tier=tier,
        rules=_rules(given, tier, service),
        step_s=given["step_s"],
        longest_s=max(given["longest_s"], given["step_s"]),
        warmup_s=given["warmup"],
        seed=given["seed"],
        workers=given["workers"],
        prices=read_prices(given["prices"], given["max_cost"]),
        max_cost=given["max_cost"],
    )


@contextmanager
def open_target(given: dict[str, Any], steps: Steps, say: Say) -> Iterator[Targets]:
    """Yield the service whose capacity is sought, and no other."""
    with _opened(given, steps, say) as targets:
        yield replace(targets, letta_url=None) if service_of(given) == "bridge" else targets


def _opened(given: dict[str, Any], steps: Steps, say: Say) -> AbstractContextManager[Targets]:
    service, url = service_of(given), _url(given, service_of(given))
    if url:
        is_bridge = service == "bridge"
        return own(None if is_bridge else url, url if is_bridge else None, given["model"], given["embedding"])
    log_dir = steps.folder.resolve() / "parts"
    if given["target"] == "letta":
        return real_letta(log_dir, say)
    behaviour, tag = read_behaviour(given["stub_behaviour"]), steps.wish(0, steps.rules.start, 1.0).tag
    return embedded(log_dir, tag, behaviour, say, with_bridge=service == "bridge")


def objectives_of(catalogue: Catalogue, steps: Steps, service: Service) -> Catalogue:
    """Return the objectives that the steps are about; raises click.UsageError when none is."""
    sent = {operation for operation, rate in _mix(steps.tier, service).items() if rate}
    kept = tuple(
        one
        for one in catalogue.objectives
        if one.service == _SERVICES[service] and Phase.STEADY in one.samples.phases and one.samples.operations & sent
    )
    if not kept:
        raise click.UsageError(f"no objective is about {', '.join(sorted(sent))} in a steady state")
    return Catalogue(kept, catalogue.services, catalogue.data_sources)


def asked_of(given: dict[str, Any], steps: Steps, targets: Targets, points: tuple[Point, ...]) -> Asked:
    """Return what the report says was asked for."""
    service = service_of(given)
    described = targets.describe()[_SERVICES[service]]
    return Asked(
        run_id=steps.run_id,
        started_at=now_text(),
        service=_SERVICES[service],
        kind=described["kind"],
        address=described["address"],
        version=described["version"],
        tier=steps.tier.name,
        mix=_mix(steps.tier, service),
        agents=steps.tier.agents,
        rules=steps.rules,
        step_s=steps.step_s,
        seed=steps.seed,
        replicas=given["replicas"],
        points=points,
    )


def read_point(text: str) -> Point:
    """Read N=RATE or N=LOW..HIGH; raises click.BadParameter."""
    replicas, _, rates = text.partition("=")
    low, _, high = rates.partition("..")
    try:
        return Point(int(replicas), float(low), float(high or low))
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no point, allowed: N=RATE or N=LOW..HIGH, such as 2=98..103", param_hint="--point"
        ) from error


_SERVICES = {"letta": LETTA_API, "bridge": LETTA_BRIDGE}


def _tier(given: dict[str, Any], service: Service) -> Tier:
    """Return the load of a step: sessions of one turn, since further turns come later the slower the target is."""
    is_real = given["target"] == "letta" and not _url(given, service)
    tier = tiers.load(given["tier"] or ("tiny" if is_real else "small"))
    agents = given["agents"] or tier.agents
    tier = replace(tier, sessions=Sessions(turns=1, think_time_s=0.0), agents=agents, users=max(tier.users, agents))
    wanted = set(given["scenarios"])
    if not wanted:
        return tier
    if missing := wanted - set(_mix(tier, service)):
        raise click.UsageError(f"the {service} part of tier {tier.name} has no {', '.join(sorted(missing))}")
    if service == "bridge":
        share = tier.temporary_share if wanted == BRIDGE_OPERATIONS else float("bridge-temporary" in wanted)
        return replace(tier, temporary_share=share)
    chosen = {operation: share for operation, share in tier.mix.items() if operation in wanted}
    return replace(tier, mix={operation: share / sum(chosen.values()) for operation, share in chosen.items()})


def _mix(tier: Tier, service: Service) -> dict[str, float]:
    return tier.bridge_rates(1.0) if service == "bridge" else tier.letta_rates(1.0)


def _rules(given: dict[str, Any], tier: Tier, service: Service) -> Rules:
    """Return how the search goes, within what the guard allows."""
    url = _url(given, service)
    allowed = inf
    if url:
        guard.check(url, given["max_rate"] or 0.0, owned=given["i_own_this_target"])
        allowed = guard.most_allowed(url, owned=given["i_own_this_target"])
    highest = given["max_rate"] or min(_HIGHEST_RATE, allowed)
    start = given["start"] or min(tier.rate * _FIRST_SHARE, highest)
    if start > highest:
        raise click.UsageError(f"--start {start:g} is above the highest rate that may be tried, {highest:g}")
    return Rules(start, highest, resolution=given["resolution"] / 100, most_steps=given["most_steps"])


def _url(given: dict[str, Any], service: Service) -> str | None:
    """Return the address of the user's own service, None without one; raises GuardError."""
    if service == "bridge":
        return redis_url_of(given["redis_url"])
    url: str | None = given["letta_url"]
    if url:
        guard.check_no_credentials(url, "--letta-url", "LETTA_API_KEY")
    return url
