"""How does one worker carry out its share of a plan? It launches every arrival at its time and records what came back.

Response time counts from the intended start, so a generator that wakes up late, or a target that stalls, cannot hide
the wait. Nothing here judges.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gevent
import greenlet
from gevent.event import Event

from loadgen.agents import Agent, AgentPool
from loadgen.clock import Alarm
from loadgen.machine import MachineLoad
from loadgen.payload import Payload
from loadgen.plan import RunPlan
from loadgen.progress import Progress
from loadgen.recorder import Recorder, Sample
from loadgen.run_folder import append_line
from loadgen.samples import Outcome
from loadgen.scenario import Call, Clients, Scenario

_NS = 1_000_000_000
_GARBAGE_AT = 50_000  # objects; about forty for each request in flight
_NOBODY = Agent(0, "")


class Arrival(NamedTuple):
    """One entry of the schedule."""

    number: int
    operation: str
    intended_ns: int


@dataclass(frozen=True, slots=True)
class Place:
    """Which of how many workers this is, and when the run began (CLOCK_MONOTONIC of this machine)."""

    worker: int
    workers: int
    origin_ns: int


class Worker:
    """One worker's part of a run, from the first arrival to the end marker."""

    def __init__(
        self,
        plan: RunPlan,
        scenarios: Mapping[str, Scenario],
        clients: Clients,
        place: Place,
        on_sample: Callable[[Sample], None],
        *,
        progress: Progress | None = None,
    ) -> None:
        self._plan = plan
        self._scenarios = scenarios
        self._clients = clients
        self._place = place
        self._on_sample = on_sample
        self._folder = Path(plan.folder)
        self._recorder = Recorder(self._folder, place.worker)
        self._progress = progress or Progress()
        self._payload = Payload(plan.seed, plan.user_tokens)
        self._agents = AgentPool(plan.agents, place.worker, place.workers)
        self._users = AgentPool(plan.user_ids, place.worker, place.workers)
        self._in_flight: dict[tuple[int, int], tuple[Arrival, int, int]] = {}
        self._running: set[greenlet.greenlet] = set()
        self._drained = Event()
        self._started = 0
        self._stop = False
        self._failure: Exception | None = None
        self._think_ns = int(plan.sessions.think_time_s * _NS)

    def run(self, arrivals: Iterable[Arrival]) -> None:
        """Launch all arrivals, wait for what is in flight, write the end marker.

        Raises what a scenario raised: that is a fault of the suite, not of the target, and leaves no end marker.
        """
        ticker = gevent.spawn(self._tick_safely)
        with _undisturbed():
            self._dispatch(arrivals)
            self._drain()
        ticker.kill()
        if self._failure is not None:
            raise self._failure
        self._finish()

    def stop(self) -> None:
        """Launch nothing more; what is in flight is still waited for."""
        self._stop = True

    @property
    def is_stopping(self) -> bool:
        """Whether nothing more is launched."""
        return self._stop

    def now_ns(self) -> int:
        """Nanoseconds since the origin of the run."""
        return time.monotonic_ns() - self._place.origin_ns

    def _dispatch(self, arrivals: Iterable[Arrival]) -> None:
        alarm = Alarm()
        for arrival in arrivals:
            alarm.sleep_until(self._place.origin_ns + arrival.intended_ns)
            if self._stop:
                break
            self._started += 1
            if len(self._in_flight) >= self._plan.limits.max_in_flight:
                self._record_unsent(arrival, Outcome.DROPPED)
            else:
                self._running.add(gevent.spawn_raw(self._arrive, arrival))  # a Greenlet costs ten times as much
        alarm.close()

    def _arrive(self, arrival: Arrival) -> None:
        try:
            self._carry_out(arrival)
        except Exception as error:  # a scenario never raises for what a target does
            self._failure = error
            self._stop = True
        finally:
            self._running.discard(greenlet.getcurrent())
            if not self._running:
                self._drained.set()

    def _carry_out(self, arrival: Arrival) -> None:
        scenario = self._scenarios[arrival.operation]
        if scenario.needs == "nothing":
            self._make(scenario, arrival, _NOBODY, 0, {})
        elif scenario.needs == "any agent":
            self._make(scenario, arrival, self._agents.any() or _NOBODY, 0, {})
        else:
            self._hold_session(scenario, arrival, self._agents if scenario.needs == "agent" else self._users)

    def _hold_session(self, scenario: Scenario, arrival: Arrival, pool: AgentPool) -> None:
        agent = pool.borrow()
        if agent is None:
            self._record_unsent_turns(arrival, 0, Outcome.NO_FREE_AGENT)
            return
        session: dict[str, Any] = {}
        intended_ns = arrival.intended_ns
        for turn in range(self._plan.sessions.turns):
            sample = self._make(scenario, Arrival(arrival.number, arrival.operation, intended_ns), agent, turn, session)
            if not _is_over(sample):
                # The target may still be working on it: nobody uses this agent until that has surely ended.
                gevent.spawn_later(self._plan.limits.request_timeout_s, pool.give_back, agent)
                next_turn = Arrival(arrival.number, arrival.operation, sample.end_ns + self._think_ns)
                self._record_unsent_turns(next_turn, turn + 1, Outcome.SKIPPED)
                return
            intended_ns = sample.end_ns + self._think_ns
            if turn + 1 == self._plan.sessions.turns or not self._is_within_run(intended_ns):
                break
            gevent.sleep(max(0, intended_ns - self.now_ns()) / _NS)
            if self._stop:
                break
        pool.give_back(agent)

    def _is_within_run(self, offset_ns: int) -> bool:
        return offset_ns < self._plan.phases.duration_s * _NS

    def _make(self, scenario: Scenario, arrival: Arrival, agent: Agent, turn: int, session: dict[str, Any]) -> Sample:
        key = (arrival.number, turn)
        start_ns = self.now_ns()
        self._in_flight[key] = (arrival, start_ns, agent.index)
        reply = scenario.request(self._call(arrival, agent, turn, session))
        end_ns = reply.end_ns - self._place.origin_ns if reply.end_ns else self.now_ns()
        sample = Sample(
            operation=arrival.operation,
            number=arrival.number,
            turn=turn,
            intended_ns=arrival.intended_ns,
            start_ns=start_ns,
            end_ns=end_ns,
            outcome=reply.outcome,
            first_ns=reply.first_ns - self._place.origin_ns if reply.first_ns else 0,
            status=reply.status,
            response_bytes=reply.response_bytes,
            tokens=reply.tokens,
            source=reply.source,
            agent=agent.index,
            stream=reply.stream,
            detail=reply.detail,
        )
        if self._in_flight.pop(key, None):  # the drain may have given it up already
            self._record(sample)
        return sample

    def _call(self, arrival: Arrival, agent: Agent, turn: int, session: dict[str, Any]) -> Call:
        return Call(
            request_id=f"{self._plan.run_id}-{arrival.number}-{turn}",
            number=arrival.number,
            turn=turn,
            agent=agent,
            clients=self._clients,
            payload=self._payload,
            session=session,
            tag=self._plan.tag,
            model=self._plan.model,
            embedding=self._plan.embedding,
            traced=self._plan.traced,
        )

    def _record_unsent(self, arrival: Arrival, outcome: Outcome, turn: int = 0) -> None:
        now_ns = self.now_ns()
        self._record(Sample(arrival.operation, arrival.number, turn, arrival.intended_ns, now_ns, now_ns, outcome))

    def _record_unsent_turns(self, first: Arrival, turn: int, outcome: Outcome) -> None:
        """Record all turns that a session does not come to, each when it would have been due at the earliest."""
        for ahead, missing in enumerate(range(turn, self._plan.sessions.turns)):
            due_ns = first.intended_ns + ahead * self._think_ns
            if ahead == 0 or self._is_within_run(due_ns):
                self._record_unsent(Arrival(first.number, first.operation, due_ns), outcome, missing)

    def _record(self, sample: Sample) -> None:
        self._recorder.add(sample)
        self._on_sample(sample)

    def _drain(self) -> None:
        self._stop = True
        self._drained.clear()
        if self._running:
            self._drained.wait(self._plan.limits.drain_s)
        now_ns = self.now_ns()
        for (_number, turn), (arrival, start_ns, agent) in self._in_flight.items():
            self._record(
                Sample(
                    arrival.operation,
                    arrival.number,
                    turn,
                    arrival.intended_ns,
                    start_ns,
                    now_ns,
                    Outcome.UNFINISHED,
                    agent=agent,
                    detail={"error": f"still in flight {self._plan.limits.drain_s:g} s after the last arrival"},
                )
            )
        self._in_flight.clear()
        for left in tuple(self._running):
            gevent.kill(left)

    def _tick_safely(self) -> None:
        try:
            self._tick()
        except Exception as error:  # samples were lost with it: the run must not end in order
            self._failure = error
            self._stop = True

    def _tick(self) -> None:
        """Once a second: close the segment, look at the machine, tell the command line."""
        machine = MachineLoad()
        second = 0
        while True:
            second += 1
            gevent.sleep(max(0.0, second - self.now_ns() / _NS))
            closed = self._recorder.close_second(second)
            load = machine.read()
            row = {"worker": self._place.worker, "offset_s": second, "at_s": round(self.now_ns() / _NS, 3), **load}
            append_line(self._folder / f"machine-{self._place.worker}.jsonl", row)
            self._progress.say(
                worker=self._place.worker,
                offset_s=second,
                phase=self._plan.phases.phase_at(second),
                started=self._started,
                finished=closed.finished,
                bad=closed.bad,
                in_flight=len(self._in_flight),
                slowest_s=closed.slowest_ns / _NS,
                **load,
            )

    def _finish(self) -> None:
        bridge = self._clients.bridge
        facts: dict[str, Any] = {"arrivals_started": self._started}
        if bridge is not None:
            bridge.settle(self._plan.limits.reply_timeout_s)
            facts["bridge"] = {**bridge.ledger.summary(), "listener_gaps": bridge.listener_gaps}
            bridge.close()
        self._clients.letta.close()
        self._recorder.finish(int(self.now_ns() // _NS) + 1, **facts)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector from stalling the schedule.

    Else every full collection walks all of Locust, tens of milliseconds in which nothing is sent, and a thousand
    requests in flight behind a stalled target make it collect again and again.
    """
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_AT, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def _is_over(sample: Sample) -> bool:
    """Whether the target has surely finished with this request."""
    return sample.outcome in {Outcome.OK, Outcome.ERROR} or sample.detail.get("refused") is True
