"""How does the engine live inside Locust? Listeners that start one worker per Locust worker and stop it again.

With a plan (`letta-slo verify` writes one) the plan decides everything. Without one, `locust -f loadtests` by itself,
each live Locust user stands for one request a second: Locust's user count, spawn rate, class weights and class picker
then mean arrival rate, its increase, and the request mix, in the web page as on the command line.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner
from redis import RedisError

from loadgen import guard, live, locust_memory, messages, prepare, schedule, web
from loadgen.bridge_client import BridgeClient
from loadgen.crew import Crew, CrewError, origin_ns
from loadgen.http_client import LettaClient
from loadgen.ledger import TaskIds
from loadgen.member import SHIP_WITHIN_S, Member, Start
from loadgen.plan import REDIS_VARIABLE, Limits, RunPlan
from loadgen.progress import Progress
from loadgen.recorder import Sample
from loadgen.reply import Reply
from loadgen.samples import BRIDGE_OPERATIONS, UNSENT, Outcome
from loadgen.scenario import Call, Clients, Scenario
from loadgen.target import TargetError
from loadgen.worker import Arrival, Place, Worker

# What a scenario file needs: importing it from here also plugs the engine into Locust.
__all__ = ["PLAN_VARIABLE", "Call", "Reply", "Scenario"]

gevent.config.track_greenlet_tree = False  # for debugging; it looks at the stack of every request's birth
PLAN_VARIABLE = "LETTA_SLO_PLAN"
_BLOCK = 1_000  # arrivals
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for every agent made and removed


class Engine:
    """The engine of one Locust process: a local runner, a master, or a worker."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._planned = os.environ.get(PLAN_VARIABLE)
        self._prepared: RunPlan | None = None
        self._worker: Worker | None = None
        self._greenlet: gevent.Greenlet | None = None
        self._crew: Crew | None = None
        self._member: Member | None = None
        self._tag = ""
        self._is_held = False
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.test_stopping.add_listener(self._on_test_stopping)
        if isinstance(environment.runner, WorkerRunner):
            self._member = Member(environment.runner, Path(self._options().runs_dir))
            environment.runner.register_message(messages.STOP, self._on_stop, concurrent=True)
        if isinstance(environment.runner, MasterRunner):
            self._crew = Crew(environment.runner)
        web.install(environment)
        gevent.spawn(locust_memory.keep_flat, environment.stats)

    def prepare_unattended(self) -> None:
        """Make what a run needs that nobody starts at the page, and that has no plan; exit when it is refused.

        Locust's `--run-time` counts from when it begins by itself, so that must find everything there.
        """
        options, runner = self._options(), self._environment.runner
        begins_by_itself = options.headless or options.autostart
        if self._planned or not begins_by_itself or isinstance(runner, WorkerRunner):
            return
        try:
            self._prepared = self._plan(options.expect_workers if isinstance(runner, MasterRunner) else 1)
        except (guard.GuardError, TargetError, OSError) as error:
            _log.error("%s", error)
            sys.exit(_refusal_code(error))

    def _on_test_start(self, **_: Any) -> None:
        """Begin, or say why not: Locust would log what is raised here and wait for ever."""
        try:
            self._begin_or_lead()
        except Exception as error:
            _log.exception("the run could not begin")
            self._refuse(error)

    def _begin_or_lead(self) -> None:
        if self._member is not None:
            self._begin(self._member.take_start())
            return
        runner = self._environment.runner
        # As many as the plan or the manifest was made for: more than one waits for may have come.
        expected = self._options().expect_workers if self._planned or self._prepared else None
        workers = expected or runner.worker_count if isinstance(runner, MasterRunner) else 1
        plan = self._prepared or self._plan(workers)
        self._prepared = None
        self._tag = plan.tag
        if self._crew is not None:
            self._crew.gather(plan, workers, is_planned=bool(self._planned))
            gevent.spawn(self._lead, self._crew)
        elif isinstance(runner, LocalRunner):
            start = Start(plan, 0, 1, origin_ns(plan), is_planned=bool(self._planned), has_own_folder=False)
            Progress().say(origin_ns=start.origin_ns)
            self._begin(start)

    def _plan(self, workers: int) -> RunPlan:
        if self._planned:
            return RunPlan.read(Path(self._planned))
        return live.plan(self._options(), self._classes(), workers)

    def _refuse(self, error: Exception) -> None:
        """Say why there is no run; leave, unless somebody at the web page can try again."""
        _log.error("%s", error)
        runner = self._environment.runner
        if runner is None:
            return
        if self._environment.web_ui is None:
            self._environment.process_exit_code = _refusal_code(error)
            gevent.spawn(runner.quit)
        else:
            runner.log_exception("letta-slo", str(error), "")  # the page's tab of exceptions
            gevent.spawn(runner.stop)

    def _begin(self, start: Start) -> None:
        plan, place = start.plan, Place(start.worker, start.workers, start.origin_ns)
        Path(plan.folder).mkdir(parents=True, exist_ok=True)
        scenarios = {cls.operation: cls(self._environment) for cls in self._classes()}
        progress = self._member.progress(start) if self._member is not None else Progress()
        worker = Worker(plan, scenarios, _connect(plan, place.worker), place, self._tell_locust, progress=progress)
        arrivals = _planned_arrivals(plan, place) if start.is_planned else self._live_arrivals(plan, place)
        if self._member is not None:
            self._member.begin(start)
        self._worker = worker
        self._greenlet = gevent.spawn(self._run, worker, arrivals, start)

    def _run(self, worker: Worker, arrivals: Iterator[Arrival], start: Start) -> None:
        try:
            worker.run(arrivals)
        except Exception:
            _log.exception("the engine failed; the run has no end marker and is invalid")
            self._environment.process_exit_code = 70  # EX_SOFTWARE of sysexits.h
            raise
        finally:
            self._report_done(start)

    def _report_done(self, start: Start) -> None:
        runner = self._environment.runner
        if self._member is not None:
            self._member.finish(start)
        elif self._planned and isinstance(runner, LocalRunner):
            self._environment.process_exit_code = self._environment.process_exit_code or 0
            gevent.spawn(runner.quit)

    def _lead(self, crew: Crew) -> None:
        """See a run to its end: a planned one ends when every worker is done or gone."""
        while not crew.is_over():
            gevent.sleep(0.5)
        crew.note_lost()
        runner = self._environment.runner
        if self._planned and runner is not None:
            self._environment.process_exit_code = self._environment.process_exit_code or 0
            gevent.spawn(runner.quit)

    def _on_test_stopping(self, **_: Any) -> None:
        """Let what is in flight end; then take away what a live run made (`verify` does it for its own runs)."""
        if self._crew is not None:
            if not self._planned:
                self._wait_for_workers(self._crew)
        else:
            if self._member is not None and self._worker is not None:
                self._member.abandon()  # the master ends the run before this worker has
            self._finish()
        if self._tag and not self._planned:
            self._take_away(self._tag)
            self._tag = ""

    def _on_stop(self, environment: Environment, msg: Any, **_: Any) -> None:
        del environment, msg
        self._finish()

    def _finish(self) -> None:
        if self._worker is not None and self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            self._worker.stop()
            self._greenlet.join()
            self._worker = None

    def _wait_for_workers(self, crew: Crew) -> None:
        """Locust tells its workers to stop or quit only after this, and does not always wait for them."""
        crew.stop()
        limits = Limits()
        with gevent.Timeout(limits.drain_s + limits.reply_timeout_s + SHIP_WITHIN_S, False):
            while not crew.is_over():
                gevent.sleep(0.1)

    def _take_away(self, tag: str) -> None:
        try:
            deleted = prepare.delete_agents(self._options().host, tag)
        except TargetError as error:
            _log.error("%s; what the run made stays until letta-slo cleanup removes it", error)
        else:
            _log.info("removed %d agents of this run", deleted)

    def _live_arrivals(self, plan: RunPlan, place: Place) -> Iterator[Arrival]:
        options = self._options()

        def count() -> Mapping[str, float]:
            users = self._count_users()
            # The plan's address and not the option's: a worker elsewhere is given none.
            urls = [url for url in (plan.letta_url, os.environ.get(REDIS_VARIABLE)) if url]
            kept = guard.held(users, urls, owned=options.i_own_this_target, workers=place.workers)
            self._warn_once_when_held(sum(users.values()), sum(kept.values()))
            return kept

        return live.arrivals(count, place, seed=options.seed, turns=options.turns, is_over=self._is_stopping)

    def _warn_once_when_held(self, asked: float, kept: float) -> None:
        if kept < asked and not self._is_held:
            text = "the rate is held at %g requests a second: more to a host that is not this machine needs %s"
            _log.warning(text, kept, "--i-own-this-target")
        self._is_held = kept < asked

    def _is_stopping(self) -> bool:
        return self._worker is not None and self._worker.is_stopping

    def _count_users(self) -> dict[str, int]:
        runner = self._environment.runner
        counts = runner.user_classes_count if runner else {}
        return {cls.operation: counts.get(cls.__name__, 0) for cls in self._classes()}

    def _classes(self) -> list[type[Scenario]]:
        return [cls for cls in self._environment.user_classes if issubclass(cls, Scenario)]

    def _options(self) -> Namespace:
        options = self._environment.parsed_options
        if not isinstance(options, Namespace):
            raise TypeError("Locust gave the engine no options")
        return options

    def _tell_locust(self, sample: Sample) -> None:
        sent = sample.outcome not in UNSENT
        error = None if sample.outcome == Outcome.OK else RequestFailedError(sample)
        kind = "BRIDGE" if sample.operation in BRIDGE_OPERATIONS else "LETTA"
        fire = self._environment.events.request.fire
        fire(
            request_type=kind,
            name=sample.operation,
            response_time=sample.response_time_ns / 1e6 if sent else None,
            response_length=sample.response_bytes,
            exception=error,
            context={},
        )
        if sample.first_ns:
            fire(
                request_type="FIRST TOKEN",
                name=sample.operation,
                response_time=(sample.first_ns - sample.intended_ns) / 1e6,
                response_length=0,
                exception=None,
                context={},
            )


def _refusal_code(error: Exception) -> int:
    if isinstance(error, guard.GuardError | CrewError):
        return 2
    return 5 if isinstance(error, TargetError | OSError | RedisError) else 70  # EX_SOFTWARE of sysexits.h


def _tie_to_forking_parent() -> None:
    """Let a worker that `--processes` forked die with its master: the parent-death signal is not inherited by forks."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != _IMPORTED_BY:
        os._exit(1)  # the master died before this worker could be tied to it


_IMPORTED_BY = os.getpid()  # Locust imports its locustfiles before it forks
os.register_at_fork(after_in_child=_tie_to_forking_parent)


class RequestFailedError(Exception):
    """A request that was not good, in the words that Locust's failure table groups by."""

    def __init__(self, sample: Sample) -> None:
        super().__init__(str(sample.detail.get("error") or sample.outcome.name.lower().replace("_", " ")))


def _connect(plan: RunPlan, worker: int) -> Clients:
    letta = LettaClient(
        plan.letta_url or "http://127.0.0.1:1",
        timeout_s=plan.limits.request_timeout_s,
        traced=plan.traced,
    )
    redis_url = os.environ.get(plan.redis_url_env) if plan.redis_url_env else None
    if not redis_url:
        return Clients(letta, None)
    ids = TaskIds(plan.run_id, worker)
    return Clients(letta, BridgeClient(redis_url, ids, reply_timeout_s=plan.limits.reply_timeout_s))


def _planned_arrivals(plan: RunPlan, place: Place) -> Iterator[Arrival]:
    whole = schedule.of_plan(plan)
    mine = whole.share(place.worker, place.workers)
    for start in range(0, len(mine), _BLOCK):  # as Python's numbers, a long schedule would take ten times its size
        block = slice(start, start + _BLOCK)
        columns = (mine.number[block].tolist(), mine.scenario[block].tolist(), mine.offset_ns[block].tolist())
        for number, code, offset in zip(*columns, strict=True):
            yield Arrival(number, mine.scenarios[code], offset)


@events.init_command_line_parser.add_listener
def _add_options(parser: LocustArgumentParser) -> None:
    live.add_options(parser)


@events.init.add_listener
def _install(environment: Environment, **_: Any) -> None:
    Engine(environment).prepare_unattended()
