"""How does one run go, from targets that are there to a run folder that is closed?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

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
    try:
        if targets.letta_url:
            talk.say(f"preparing {wish.tier.agents} agents")
            agents = prepare.create_agents(
                targets.letta_url, wish.tier.agents, plan.tag, model=plan.model, embedding=plan.embedding
            )
            plan = replace(plan, agents=agents)
        folder = create(wish.folder, manifest(plan, targets.describe(), tier=wish.tier.name, workers=wish.workers))
        plan_file = wish.folder / "parts" / "plan.json"
        plan_file.parent.mkdir(exist_ok=True)
        plan.write(plan_file)
        talk.say(f"driving {_rates_text(plan)} for {plan.phases.duration_s:.0f} s, on {_targets_text(targets)}")
        _drive(plan, plan_file, wish, targets, talk)
        return folder
    finally:
        if targets.letta_url and targets.kind != "stub":  # a stub takes everything with it when it stops
            _take_away(targets.letta_url, wish.run_id, plan.tag, talk)


def _drive(plan: RunPlan, plan_file: Path, wish: Wish, targets: Targets, talk: Talk) -> None:
    """Drive the plan; what a generator that failed has left is judged all the same, as an invalid run."""
    try:
        with talk.watch(plan) as watcher:
            drive(
                plan,
                plan_file,
                workers=wish.workers,
                faults=_faults(plan, targets),
                env={REDIS_VARIABLE: targets.redis_url} if targets.redis_url else None,
                on_progress=watcher.show,
            )
    except DriveError as error:
        talk.say(str(error))


def _take_away(url: str, run_id: str, tag: str, talk: Talk) -> None:
    talk.say("removing what the run made on the target")
    try:
        prepare.delete_agents(url, tag)
    except TargetError as error:
        talk.say(f"{error}; what the run made stays until: letta-slo cleanup --run {run_id} --yes --letta-url ...")


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
