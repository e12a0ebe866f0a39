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
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import STATE_MISSING, LocalRunner, MasterRunner, WorkerRunner
from redis import RedisError

from loadgen import guard, live, locust_memory, prepare, schedule, web
from loadgen.bridge_client import BridgeClient, TaskIds
from loadgen.http_client import LettaClient
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

PLAN_VARIABLE = "LETTA_SLO_PLAN"
_BLOCK = 10_000  # arrivals
_LEAD_S = 1.0  # time for every worker to connect and build its schedule before the first arrival
_ORIGIN, _STOP, _DONE = "letta_slo_origin", "letta_slo_stop", "letta_slo_done"
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for every agent made and removed


class Engine:
    """The engine of one Locust process: a local runner, a master, or a worker."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._planned = os.environ.get(PLAN_VARIABLE)
        self._start: dict[str, Any] = {}
        self._prepared: RunPlan | None = None
        self._worker: Worker | None = None
        self._greenlet: gevent.Greenlet | None = None
        self._done: set[str] = set()
        self._tag = ""
        self._is_held = False
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.test_stopping.add_listener(self._on_test_stopping)
        if isinstance(environment.runner, WorkerRunner):
            environment.runner.register_message(_ORIGIN, self._on_origin)
            environment.runner.register_message(_STOP, self._on_stop, concurrent=True)
        if isinstance(environment.runner, MasterRunner):
            environment.runner.register_message(_DONE, self._on_done)
        web.install(environment)
        gevent.spawn(locust_memory.keep_flat, environment.stats)

    def prepare_headless(self) -> None:
        """Make what a headless run without plan needs, before Locust's `--run-time` clock starts; exit when refused."""
        options, runner = self._options(), self._environment.runner
        if self._planned or not options.headless or isinstance(runner, WorkerRunner):
            return
        workers = options.expect_workers if isinstance(runner, MasterRunner) else 1
        try:
            self._prepared = self._plan(workers)
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
        runner = self._environment.runner
        if isinstance(runner, WorkerRunner):
            if not self._start:
                raise RuntimeError("this worker was told to start by a master that is not this suite's")
            self._begin(self._start, runner.worker_index)
            return
        workers = runner.worker_count if isinstance(runner, MasterRunner) else 1
        plan = self._prepared or self._plan(workers)
        self._prepared = None
        self._tag = plan.tag
        origin_unix_ns = plan.origin_unix_ns or time.time_ns() + int(_LEAD_S * 1e9)
        start = {"plan": plan.to_dict(), "workers": workers, "origin_unix_ns": origin_unix_ns}
        if isinstance(runner, MasterRunner):
            self._done.clear()
            runner.send_message(_ORIGIN, start)
            gevent.spawn(self._lead, runner)
        elif isinstance(runner, LocalRunner):
            self._begin(start, 0)

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

    def _on_origin(self, environment: Environment, msg: Any, **_: Any) -> None:
        del environment
        self._start = msg.data

    def _begin(self, start: dict[str, Any], index: int) -> None:
        plan = RunPlan.from_dict(start["plan"])
        Path(plan.folder).mkdir(parents=True, exist_ok=True)
        origin_ns = time.monotonic_ns() + start["origin_unix_ns"] - time.time_ns()
        place = Place(index, start["workers"], origin_ns)
        scenarios = {cls.operation: cls(self._environment) for cls in self._classes()}
        Progress().say(worker=index, origin_ns=origin_ns)
        self._worker = Worker(plan, scenarios, _connect(plan, index), place, self._tell_locust)
        arrivals = _planned_arrivals(plan, place) if self._planned else self._live_arrivals(place)
        self._greenlet = gevent.spawn(self._run, self._worker, arrivals)

    def _run(self, worker: Worker, arrivals: Iterator[Arrival]) -> None:
        try:
            worker.run(arrivals)
        except Exception:
            _log.exception("the engine failed; the run has no end marker and is invalid")
            self._environment.process_exit_code = 70  # EX_SOFTWARE of sysexits.h
            raise
        finally:
            self._report_done()

    def _report_done(self) -> None:
        runner = self._environment.runner
        if isinstance(runner, WorkerRunner):
            runner.send_message(_DONE, {})
        elif self._planned and isinstance(runner, LocalRunner):
            self._environment.process_exit_code = self._environment.process_exit_code or 0
            gevent.spawn(runner.quit)

    def _on_done(self, environment: Environment, msg: Any, **_: Any) -> None:
        del environment
        self._done.add(msg.node_id)

    def _lead(self, master: MasterRunner) -> None:
        """End a planned run when every worker that still lives is done; one that died leaves no end marker."""
        while self._planned:
            gevent.sleep(0.5)
            if self._done and self._all_done(master):
                self._environment.process_exit_code = self._environment.process_exit_code or 0
                gevent.spawn(master.quit)
                return

    def _all_done(self, master: MasterRunner) -> bool:
        alive = {node.id for node in master.clients.values() if node.state != STATE_MISSING}
        return self._done >= alive

    def _on_test_stopping(self, **_: Any) -> None:
        """Let what is in flight end; then take away what a live run made (`verify` does it for its own runs)."""
        runner = self._environment.runner
        if isinstance(runner, MasterRunner):
            if not self._planned:
                self._wait_for_workers(runner)
        else:
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

    def _wait_for_workers(self, master: MasterRunner) -> None:
        """Locust tells its workers to stop or quit only after this, and does not always wait for them."""
        master.send_message(_STOP, {})
        limits = Limits()
        with gevent.Timeout(limits.drain_s + limits.reply_timeout_s, False):
            while not self._all_done(master):
                gevent.sleep(0.1)

    def _take_away(self, tag: str) -> None:
        try:
            deleted = prepare.delete_agents(self._options().host, tag)
        except TargetError as error:
            _log.error("%s; what the run made stays until letta-slo cleanup removes it", error)
        else:
            _log.info("removed %d agents of this run", deleted)

    def _live_arrivals(self, place: Place) -> Iterator[Arrival]:
        options = self._options()

        def count() -> Mapping[str, float]:
            users = self._count_users()
            urls = [options.host, os.environ.get(REDIS_VARIABLE) or options.host]
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
    if isinstance(error, guard.GuardError):
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
    Engine(environment).prepare_headless()
