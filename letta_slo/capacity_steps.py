"""How are the steps of a search for the capacity driven? On the same agents, reset each time; a rest after overload."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import ceil
from pathlib import Path

import redis

from letta_slo.needs import needs
from letta_slo.session import Wish, plan_of, run_prepared, take_away, with_agents
from letta_slo.targets import Targets
from letta_slo.terminal import Talk
from loadgen.bridge_protocol import REQUEST_LIST
from loadgen.fleet import reset, tagged_members
from loadgen.introduce import introduce
from loadgen.plan import Phases, RunPlan
from loadgen.target import TargetError, control, ok
from loadgen.tiers import Tier
from loadgen.tiers.occupancy import TO_BRIDGE
from report.capacity import rate_text
from report.capacity_step import StepReading, read_step
from slo.objective import Catalogue
from slo.plan import Plan, TokenPrices
from slo.search import Outcome, Rules, Step, Try, next_try

# What an overloaded target has not done yet would count against the next step.
_LONGEST_REST_S = 180.0
_REST_EVERY_S = 0.5
_QUICK_IN_A_ROW = 3
# An answer is quick again within so many times the idle one, and this much more for the noise of one request.
_QUICK_FACTOR, _QUICK_ROOM_S = 3.0, 0.1
# A flawless step decides with the least number of requests; chance makes it a few less.
_ROOM = 1.1


@dataclass(frozen=True, slots=True)
class Steps:
    """What every step of a search has in common."""

    run_id: str
    folder: Path
    tier: Tier
    rules: Rules
    step_s: float
    longest_s: float
    warmup_s: float
    seed: int
    workers: int
    prices: TokenPrices | None
    max_cost: float | None

    def wish(self, number: int, rate: float, steady_s: float) -> Wish:
        """Return the wish of one step; its arrivals and texts are its own."""
        return Wish(
            run_id=f"{self.run_id}-step{number:02d}",
            folder=self.folder / "steps" / f"{number:02d}",
            tier=self.tier,
            rate=rate,
            phases=Phases(self.warmup_s, steady_s),
            seed=self.seed + number,
            workers=self.workers,
        )


def drive_steps(
    steps: Steps, targets: Targets, catalogue: Catalogue, talk: Talk, readings: list[StepReading]
) -> str | None:
    """Drive step after step until the search is over; return why it was stopped before, if it was.

    Each step is added to `readings` as soon as it is read, so that what an interrupted search has shown is not lost.
    Raises TargetError when the target cannot be prepared.
    """
    base = plan_of(Wish(steps.run_id, steps.folder, steps.tier, steps.rules.start, Phases(0, 1), 0, 1), targets)
    search = _Search(steps, targets, catalogue, talk, base.tag, readings)
    # A stub takes everything with it when it stops.
    with with_agents(base, steps.tier.agents, talk, stay=targets.kind == "stub") as prepared:
        _introduce(targets, prepared, talk)
        is_rested = _resting(targets, prepared.agents)
        begin_anew = _resetting(prepared, talk)
        stopped = None
        while stopped is None and (wanted := next_try(steps.rules, search.taken)) is not None:
            stopped = search.rest(is_rested) or search.take(wanted, prepared.agents, begin_anew)
    return stopped


@dataclass(slots=True)
class _Search:
    """A search under way: what it drives, and the steps taken so far."""

    steps: Steps
    targets: Targets
    catalogue: Catalogue
    talk: Talk
    met_as: str  # the tag under which a bridge has met its users
    readings: list[StepReading]
    taken: list[Step] = field(default_factory=list)
    cost: Decimal = Decimal(0)

    def rest(self, is_rested: Callable[[], bool]) -> str | None:
        """Wait until the target has done what the last step left it with; return that it has not, where it has not."""
        if not self.taken or self.taken[-1].outcome is Outcome.MET:
            return None
        self.talk.say("waiting until the target has done what it was left with")
        return None if is_rested() else f"the target did not come to rest within {_LONGEST_REST_S:g} s"

    def take(self, wanted: Try, agents: tuple[str, ...], begin_anew: Callable[[], None]) -> str | None:
        """Drive one step and note what it said; return why it was not taken, if it was not."""
        number, (steady_s, is_longest) = len(self.taken) + 1, self._length(wanted)
        wish = self.steps.wish(number, wanted.rate, steady_s)
        plan = replace(plan_of(wish, self.targets), agents=agents, met_as=self.met_as)
        if (refusal := self._refusal(plan)) is not None:
            return refusal
        try:
            if self.taken:
                begin_anew()
        except TargetError as error:  # what the steps before it have shown is not lost
            return f"the agents could not be given back the context that they began with: {error}"
        words = f"step {number}: {rate_text(wanted.rate)} a second"
        self.talk.say(words + (", again" if wanted.is_repeat else ""))
        try:
            folder = run_prepared(plan, wish, self.targets, self.talk)
        finally:
            self._take_away(plan, number)
        reading = read_step(folder, self.catalogue, number=number, rate=wanted.rate, is_repeat=wanted.is_repeat)
        self.readings.append(reading)
        is_final = is_longest and reading.outcome is Outcome.UNDECIDED
        self.taken.append(Step(wanted.rate, reading.outcome, is_final=is_final))
        self.talk.say(f"{words}: {reading.outcome.value}; {reading.why}")
        return None

    def _refusal(self, plan: RunPlan) -> str | None:
        """Return why a step would cost too much, None when it may be taken."""
        needed = needs(self.catalogue, self.steps.tier, plan.rates, plan.phases, self.steps.prices).cost
        cost = self.cost + (needed.money or Decimal(0))
        if self.steps.max_cost is not None and cost > Decimal(str(self.steps.max_cost)):
            return f"a further step would bring the cost to {cost:.2f} {needed.currency}, and --max-cost allows less"
        self.cost = cost
        return None

    def _take_away(self, plan: RunPlan, number: int) -> None:
        """Remove the agents that a step itself made, so that they are none of the next one's."""
        if self.targets.kind != "stub" and plan.letta_url and "agent-create" in plan.rates:
            take_away(plan.letta_url, plan, self.talk, f" in step {number}")

    def _length(self, wanted: Try) -> tuple[float, bool]:
        """Return the seconds of steady state of a step, and whether none may be longer.

        At first as long as a step needs in which nothing fails; if that decides nothing twice as long, or as long as
        one needs in which half of what is allowed fails. An invalid step is tried again as it was.
        """
        steps = self.steps
        rates = plan_of(steps.wish(0, wanted.rate, 1.0), self.targets).rates
        needed = needs(self.catalogue, steps.tier, rates, Phases(0, 1.0), None)
        if not wanted.is_repeat:
            asked_s = max([steps.step_s, *_flawless_s(needed)])
        elif self.taken[-1].outcome is Outcome.INVALID:
            asked_s = self.readings[-1].steady_s
        else:
            asked_s = max([2 * self.readings[-1].steady_s, *_planned_s(needed)])
        return float(ceil(min(asked_s, steps.longest_s))), asked_s >= steps.longest_s


def _flawless_s(needed: Plan) -> list[float]:
    return [_ROOM * one.minimum_samples / one.rate_per_s for one in needed.objectives if one.rate_per_s]


def _planned_s(needed: Plan) -> list[float]:
    return [one.shortest_duration_s for one in needed.objectives if one.shortest_duration_s is not None]


def _introduce(targets: Targets, plan: RunPlan, talk: Talk) -> None:
    """Have the bridge meet the users of all steps; each step would bring it new ones otherwise."""
    if targets.redis_url is not None and any(operation in TO_BRIDGE for operation in plan.rates):
        with talk.count("introduced", plan.users) as report:
            introduce(targets.redis_url, plan.user_ids, report=report)


def _resetting(prepared: RunPlan, talk: Talk) -> Callable[[], None]:
    """Return what gives the agents back the context that they have now: each step begins where the first one did."""
    url = prepared.letta_url
    if url is None:
        return lambda: None
    first = {one.id: one.message_ids for one in tagged_members(url, prepared.tag)}

    def begin_anew() -> None:
        now = [one for one in tagged_members(url, prepared.tag) if one.id in first]
        with talk.count("reset", len(now)) as report:
            agents = (replace(one, prepared=first[one.id]) for one in now)
            reset(url, prepared.shape, agents, report=report)

    return begin_anew


def _resting(targets: Targets, agents: tuple[str, ...]) -> Callable[[], bool]:
    """Return what waits until the target is as idle as it is now; it says False when that takes too long.

    A Letta is idle when it shows the memory of an agent as quickly as now, a bridge when no request waits on its list.
    """
    if targets.letta_url is None:
        url = targets.redis_url or ""
        return lambda: _until(lambda: _list_is_empty(url), 1)
    letta_url = targets.letta_url
    path = f"/v1/agents/{agents[0]}/core-memory/blocks" if agents else "/v1/health/"
    idle_s = sorted(_ask_s(letta_url, path) for _ in range(_QUICK_IN_A_ROW))[-1]
    quick_s = _QUICK_FACTOR * idle_s + _QUICK_ROOM_S

    def is_quick() -> bool:
        with suppress(TargetError):  # not there yet: asked again
            return _ask_s(letta_url, path) < quick_s
        return False

    return lambda: _until(is_quick, _QUICK_IN_A_ROW)


def _until(holds: Callable[[], bool], in_a_row: int) -> bool:
    give_up, seen = time.monotonic() + _LONGEST_REST_S, 0
    while time.monotonic() < give_up:
        seen = seen + 1 if holds() else 0
        if seen >= in_a_row:
            return True
        time.sleep(_REST_EVERY_S)  # nothing of a target says when it is at rest: it is asked
    return False


def _ask_s(url: str, path: str) -> float:
    with control(url) as client:
        began = time.monotonic()
        ok(client.get(path))
        return time.monotonic() - began


def _list_is_empty(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=5.0, socket_connect_timeout=5.0) as client:
            return int(client.llen(REQUEST_LIST)) == 0
    except redis.RedisError:
        return False
