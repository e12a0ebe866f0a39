"""How does one run go, from targets that are there to a run folder that is closed?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from letta_slo.crew import Meeting
from letta_slo.drive import DriveError, Fault, drive
from letta_slo.manifest import manifest
from letta_slo.targets import Targets
from letta_slo.terminal import Talk
from loadgen import prepare
from loadgen.guard import GuardError
from loadgen.plan import REDIS_VARIABLE, Phases, RunPlan
from loadgen.run_folder import RunFolder, create
from loadgen.samples import BRIDGE_OPERATIONS
from loadgen.target import TargetError
from loadgen.tiers import Tier

DRILL = "letta-down"


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
    meeting: Meeting | None = None

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
    )


def run(plan: RunPlan, wish: Wish, targets: Targets, talk: Talk) -> RunFolder:
    """Prepare the target, drive it, take away what was made; the folder holds everything that was seen.

    Raises GuardError when there are more workers than agents or users to share among them.
    """
    if wish.workers > min(wish.tier.agents, wish.tier.users):
        raise GuardError(f"{wish.workers} workers cannot share {wish.tier.agents} agents and {wish.tier.users} users")
    # A stub takes everything with it when it stops.
    with with_agents(plan, wish.tier.agents, talk, stay=targets.kind == "stub") as prepared:
        folder = create(wish.folder, manifest(prepared, targets.describe(), tier=wish.tier.name, workers=wish.workers))
        plan_file = wish.folder / "parts" / "plan.json"
        plan_file.parent.mkdir(exist_ok=True)
        prepared.write(plan_file)
        where = _targets_text(targets)
        if wish.meeting is not None:
            talk.say(f"waiting for {wish.workers} workers; start each, in a checkout of the same version, with")
            talk.say(f"  {wish.meeting.command}")
        talk.say(f"driving {_rates_text(prepared)} for {prepared.phases.duration_s:.0f} s, on {where}")
        _drive(prepared, plan_file, wish, targets, talk)
        return folder


@contextmanager
def with_agents(plan: RunPlan, count: int, talk: Talk, *, stay: bool = False, where: str = "") -> Iterator[RunPlan]:
    """Yield the plan with agents made for it, where it drives a Letta; take away at the end what its run made."""
    if plan.letta_url is None:
        yield plan
        return
    talk.say(f"preparing {count} agents{where}")
    try:
        agents = prepare.create_agents(plan.letta_url, count, plan.tag, model=plan.model, embedding=plan.embedding)
        yield replace(plan, agents=agents)
    finally:
        if not stay:
            _take_away(plan.letta_url, plan, talk, where)


def _drive(plan: RunPlan, plan_file: Path, wish: Wish, targets: Targets, talk: Talk) -> None:
    """Drive the plan; what a generator that failed has left is judged all the same, as an invalid run."""
    try:
        with talk.watch(plan) as watcher:
            drive(
                plan,
                plan_file,
                workers=wish.workers,
                meeting=wish.meeting,
                faults=_faults(plan, targets),
                env={REDIS_VARIABLE: targets.redis_url} if targets.redis_url else None,
                on_progress=watcher.show,
            )
    except DriveError as error:
        talk.say(str(error))


def _take_away(url: str, plan: RunPlan, talk: Talk, where: str) -> None:
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
