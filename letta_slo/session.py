"""How does one run go, from targets that are there to a run folder that is closed?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from letta_slo.crew import Meeting
from letta_slo.drive import DriveError, Fault, Watch, drive
from letta_slo.manifest import manifest
from letta_slo.targets import Targets
from letta_slo.telemetry import write_down
from letta_slo.terminal import Talk
from loadgen import fleet_lease, prepare
from loadgen.fleet import Fleet, FleetError, members, reset
from loadgen.guard import GuardError
from loadgen.plan import REDIS_VARIABLE, Phases, RunPlan
from loadgen.run_folder import RunFolder, create
from loadgen.samples import BRIDGE_OPERATIONS
from loadgen.target import TargetError
from loadgen.tiers import Tier

DRILL = "letta-down"
# A control call at a real Letta took 0.5 s of a busy machine; an agent needs up to five, and eight are reset at a time.
_RESET_S_AN_AGENT = 1.0
_SLACK_S = 300.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for."""

    run_id: str
    folder: Path
    tier: Tier
    rate: float
    phases: Phases
    seed: int
    workers: int
    reuse_agents: bool = False
    meeting: Meeting | None = None
    traced: bool = False
    trace_url: str = ""

    @property
    def tag(self) -> str:
        """What everything that the run makes on a target is marked with."""
        return prepare.TAG_PREFIX + self.run_id


def plan_of(wish: Wish, targets: Targets) -> RunPlan:
    """Return the plan of a run on these targets, without agents yet."""
    letta = wish.tier.letta_rates(wish.rate) if targets.letta_url else {}
    bridge = wish.tier.bridge_rates(wish.rate) if targets.redis_url else {}
    return RunPlan(
        run_id=wish.run_id,
        folder=str(wish.folder.resolve()),
        seed=wish.seed,
        rates={**letta, **bridge},
        phases=wish.phases if targets.take_letta_down else wish.phases.without_drill(),
        letta_url=targets.letta_url,
        model=targets.model,
        embedding=targets.embedding,
        redis_url_env=REDIS_VARIABLE if targets.redis_url else None,
        users=wish.tier.users,
        sessions=wish.tier.sessions,
        user_tokens=wish.tier.user_tokens,
        shape=wish.tier.shape,
        traced=wish.traced,
    )


def run(plan: RunPlan, wish: Wish, targets: Targets, talk: Talk) -> RunFolder:
    """Prepare the target, drive it, take away what was made; the folder holds everything that was seen.

    Raises GuardError when there are more workers than agents or users to share among them, and FleetError when the
    prepared agents that the user wants cannot be used.
    """
    check_workers(wish.workers, wish.tier)
    # A stub takes everything with it when it stops.
    stay = targets.kind == "stub"
    opened = (
        with_fleet(plan, wish.tier, talk) if wish.reuse_agents else with_agents(plan, wish.tier.agents, talk, stay=stay)
    )
    with opened as prepared:
        return run_prepared(prepared, wish, targets, talk)


def check_workers(workers: int, tier: Tier) -> None:
    """Raise GuardError when there are more workers than agents or users to share among them."""
    if workers > min(tier.agents, tier.users):
        raise GuardError(f"{workers} workers cannot share {tier.agents} agents and {tier.users} users")


def run_prepared(prepared: RunPlan, wish: Wish, targets: Targets, talk: Talk) -> RunFolder:
    """Drive a plan whose agents are there; the folder holds everything that was seen."""
    folder = create(wish.folder, manifest(prepared, targets.describe(), tier=wish.tier.name, workers=wish.workers))
    plan_file = wish.folder / "parts" / "plan.json"
    plan_file.parent.mkdir(exist_ok=True)
    prepared.write(plan_file)
    where = _targets_text(targets)
    if wish.meeting is not None:
        talk.say(f"waiting for {wish.workers} workers; start each, in a checkout of the same version, with")
        talk.say(f"  {wish.meeting.command}")
    talk.say(f"driving {_rates_text(prepared)} for {prepared.phases.duration_s:.0f} s, on {where}")
    origin_ns = _drive(prepared, plan_file, wish, targets, talk)
    if wish.traced:
        origin_unix_ns = time.time_ns() - (time.monotonic_ns() - origin_ns) if origin_ns else None
        write_down(folder, targets.telemetry, wish.trace_url, origin_unix_ns)
    return folder


@contextmanager
def with_agents(plan: RunPlan, count: int, talk: Talk, *, stay: bool = False, where: str = "") -> Iterator[RunPlan]:
    """Yield the plan with agents made for it, where it drives a Letta; take away at the end what its run made."""
    if plan.letta_url is None:
        yield plan
        return
    talk.say(f"preparing {count} agents{where}")
    try:
        with talk.count("agents", count) as report:
            agents = prepare.create_agents(
                plan.letta_url,
                count,
                plan.tag,
                model=plan.model,
                embedding=plan.embedding,
                shape=plan.shape,
                report=report,
            )
        yield replace(plan, agents=agents)
    finally:
        if not stay:
            take_away(plan.letta_url, plan, talk, where)


@contextmanager
def with_fleet(plan: RunPlan, tier: Tier, talk: Talk) -> Iterator[RunPlan]:
    """Yield the plan with the agents that were prepared for the tier, reset; they stay, and what the run makes goes.

    Raises FleetError when they are not all there or another run uses them.
    """
    if plan.letta_url is None:
        raise FleetError("prepared agents are a Letta's, and this run drives none")
    fleet = Fleet(plan.letta_url, tier.name, tier.agents, plan.shape, plan.model, plan.embedding)
    longest_s = tier.agents * _RESET_S_AN_AGENT + plan.phases.duration_s + plan.limits.drain_s + _SLACK_S
    fleet_lease.take(fleet, plan.run_id, longest_s)
    try:
        agents = members(fleet)
        talk.say(f"resetting the {len(agents):,} agents of {fleet.tag}")
        with talk.count("reset", len(agents)) as report:
            reset(fleet.url, fleet.shape, agents, report=report)
        yield replace(plan, agents=tuple(one.id for one in agents), fleet=fleet.tag)
    finally:
        take_away(plan.letta_url, plan, talk, "")


def _drive(plan: RunPlan, plan_file: Path, wish: Wish, targets: Targets, talk: Talk) -> int:
    """Drive the plan, and return its origin by our monotonic clock, 0 when it never began.

    What a generator that failed has left is judged all the same, as an invalid run.
    """
    origin_ns = [0]
    try:
        with talk.watch(plan) as watcher:

            def show(watch: Watch) -> None:
                origin_ns[0] = watch.origin_ns
                watcher.show(watch)

            drive(
                plan,
                plan_file,
                workers=wish.workers,
                meeting=wish.meeting,
                faults=_faults(plan, targets),
                env={REDIS_VARIABLE: targets.redis_url} if targets.redis_url else None,
                on_progress=show,
            )
    except DriveError as error:
        talk.say(str(error))
    return origin_ns[0]


def take_away(url: str, plan: RunPlan, talk: Talk, where: str) -> None:
    """Take away what the run of this plan made on the target, or say how it can be done later."""
    talk.say(f"removing what the run made on the target{where}")
    try:
        prepare.delete_agents(url, plan.tag)
    except TargetError as error:
        command = f"letta-slo cleanup --run {plan.run_id} --yes --letta-url ..."
        talk.say(f"{error}; what the run made stays until: {command}")


def _faults(plan: RunPlan, targets: Targets) -> tuple[Fault, ...]:
    take_down = targets.take_letta_down
    if take_down is None or not plan.phases.drill_s:
        return ()
    start_s, _end_s = plan.phases.bounds_s["drill"]
    return (Fault(DRILL, start_s, plan.phases.drill_s, lambda: take_down(plan.phases.drill_s)),)


def _rates_text(plan: RunPlan) -> str:
    bridge = sum(rate for operation, rate in plan.rates.items() if operation in BRIDGE_OPERATIONS)
    letta = sum(plan.rates.values()) - bridge
    parts = [f"{letta:g} requests a second at Letta"] if letta else []
    if bridge:
        parts.append(f"{bridge:g} a second at the bridge")
    return " and ".join(parts)


def _targets_text(targets: Targets) -> str:
    return " and ".join(f"{one['address']} ({one['kind']})" for one in targets.describe().values())
