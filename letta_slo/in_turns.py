"""How are two Letta servers driven in turns? A generator and a run folder for each, slice by slice, from one origin."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from letta_slo.drive import DriveError, Watch, drive
from letta_slo.manifest import manifest
from letta_slo.session import Wish, plan_of, with_agents
from letta_slo.targets import Targets, own
from letta_slo.terminal import Talk
from loadgen.plan import RunPlan, Sessions
from loadgen.run_folder import RunFolder, create, new_run_id
from loadgen.tiers import Tier
from loadgen.turns import Turns

SIDES = ("base", "candidate")

# Time for both generators to start and to build their schedules before the first arrival. One that needs longer sends
# its first requests late, which makes its run invalid.
_START_S = 12.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for: the address of each side, and the load that both get."""

    urls: dict[str, str]
    runs_dir: Path
    tier: Tier
    rate: float
    turns: Turns
    seed: int
    model: str
    embedding: str


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two: its plan, and what it is."""

    name: str
    wish: Wish
    targets: Targets
    plan: RunPlan


def drive_in_turns(wishes: Wishes, talk: Talk) -> tuple[RunFolder, RunFolder]:
    """Drive both servers and return the run folders of base and candidate; what was made on the servers is removed.

    Raises TargetError when one is not there.
    """
    run_id = new_run_id()
    with ExitStack() as stack:
        found = [stack.enter_context(own(wishes.urls[name], None, wishes.model, wishes.embedding)) for name in SIDES]
        sides = [_side(run_id, place, targets, wishes) for place, targets in enumerate(found)]
        _drive(_from_one_origin([stack.enter_context(_with_agents(side, talk)) for side in sides]), talk)
    base, candidate = (RunFolder(side.wish.folder) for side in sides)
    talk.say(f"run folders: {base.path} {candidate.path}")
    return base, candidate


def _side(run_id: str, place: int, targets: Targets, wishes: Wishes) -> _Side:
    name = SIDES[place]
    # A session of one turn ends with its request: the next turn would be due in a slice of the other side.
    tier = replace(wishes.tier, sessions=Sessions(turns=1, think_time_s=0.0))
    own_id = f"{run_id}-{name}"
    wish = Wish(own_id, wishes.runs_dir / own_id, tier, wishes.rate, wishes.turns.phases, wishes.seed, workers=1)
    return _Side(name, wish, targets, replace(plan_of(wish, targets), windows_s=wishes.turns.windows_s[place]))


@contextmanager
def _with_agents(side: _Side, talk: Talk) -> Iterator[_Side]:
    with with_agents(side.plan, side.wish.tier.agents, talk, where=f" ({side.name})") as plan:
        yield replace(side, plan=plan)


def _from_one_origin(sides: list[_Side]) -> list[_Side]:
    """Make the run folders of plans whose turns count from one moment."""
    origin_unix_ns = time.time_ns() + int(_START_S * 1e9)
    sides = [replace(side, plan=replace(side.plan, origin_unix_ns=origin_unix_ns)) for side in sides]
    for side in sides:
        facts = manifest(side.plan, side.targets.describe(), tier=side.wish.tier.name, workers=side.wish.workers)
        create(side.wish.folder, facts)
    return sides


def _drive(sides: list[_Side], talk: Talk) -> None:
    """Drive both plans at once; what a generator that failed has left is judged all the same, as an invalid run."""
    given_up, watches = Event(), [Watch() for _ in sides]
    duration_s = sides[0].plan.phases.duration_s
    talk.say(f"driving both in turns for {duration_s:.0f} s, {sides[0].wish.rate:g} requests a second")
    with talk.watch(sides[0].plan) as watcher, ThreadPoolExecutor(len(sides)) as pool:

        def drive_one(place: int) -> None:
            def on_progress(watch: Watch) -> None:
                if given_up.is_set():
                    raise DriveError("given up, since the command was interrupted")
                watches[place] = watch
                watcher.show(_together(watches))

            side = sides[place]
            plan_file = side.wish.folder / "parts" / "plan.json"
            plan_file.parent.mkdir(exist_ok=True)
            side.plan.write(plan_file)
            try:
                drive(side.plan, plan_file, on_progress=on_progress)
            except DriveError as error:
                talk.say(f"{side.name}: {error}")

        running = [pool.submit(drive_one, place) for place in range(len(sides))]
        try:
            wait(running)
        except BaseException:  # Ctrl-C: the threads end with the next line of progress, and stop their generators
            given_up.set()
            raise
        for one in running:
            one.result()


def _together(watches: list[Watch]) -> Watch:
    return Watch(
        offset_s=max(watch.offset_s for watch in watches),
        rows={place: row for place, watch in enumerate(watches) for row in watch.rows.values()},
        bad=sum(watch.bad for watch in watches),
        finished=sum(watch.finished for watch in watches),
    )
