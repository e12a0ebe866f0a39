"""How does a worker take part in a run that a master leads? It learns its place, the time, and where to write."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import gevent
from gevent.event import AsyncResult

from loadgen import messages
from loadgen.clock_offset import SAME_CLOCK, ClockOffset, RoundTrip, measured
from loadgen.machine import boot_id
from loadgen.plan import RunPlan
from loadgen.progress import Progress
from loadgen.shipping import Shipper, ShippingError

_ROUND_TRIPS = 16  # the quickest counts; a few are enough for one without a queue on its way
_ANSWER_S = 1.0
SHIP_WITHIN_S = 60.0
_log = logging.getLogger(__name__)


class WorkerChannel(Protocol):
    """The part of Locust's worker runner that a member needs."""

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None) -> None:
        """Send a message to the master."""

    def register_message(self, msg_type: str, listener: Callable[..., None], concurrent: bool = False) -> None:
        """Have messages of a type given to `listener`."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a worker is told to do, as which of how many, and when the run begins by its own CLOCK_MONOTONIC.

    The plan names the folder that this worker writes into.
    """

    plan: RunPlan
    worker: int
    workers: int
    origin_ns: int
    is_planned: bool
    has_own_folder: bool


class Member:
    """A worker's side of the messages; `runs_dir` is where it writes when it does not see the master's folder."""

    def __init__(self, channel: WorkerChannel, runs_dir: Path, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._channel = channel
        self._runs_dir = runs_dir
        self._clock = clock
        self._told: AsyncResult = AsyncResult()
        self._asked = 0
        self._prepared: Start | None = None
        self._offset = SAME_CLOCK
        self._start: Start | None = None
        self._shipper: Shipper | None = None
        self._shipping: gevent.Greenlet | None = None
        self._is_abandoned = False
        channel.register_message(messages.PREPARE, self._on_prepare, concurrent=True)
        channel.register_message(messages.TELL_CLOCK, self._on_tell_clock)
        channel.register_message(messages.GO, self._on_go)
        channel.register_message(messages.KEPT, self._on_kept)

    def take_start(self) -> Start:
        """Return what the master told this worker to do, once; raises RuntimeError when it told nothing."""
        start, self._start = self._start, None
        if start is None:
            raise RuntimeError(
                "this worker was told to start by a master that is not this suite's, or that had workers enough"
            )
        return start

    def begin(self, start: Start) -> None:
        """Send what this worker writes to the master from now on, where it has a folder of its own."""
        if start.has_own_folder:
            run_id = start.plan.run_id
            shipper = Shipper(Path(start.plan.folder), start.worker, lambda part: self._say_part(run_id, part))
            self._shipper, self._shipping = shipper, gevent.spawn(shipper.run)

    def progress(self, start: Start) -> Progress:
        """Return what tells how far this worker is: the pipe of a command on this machine, else the master."""
        run_id = start.plan.run_id
        return Progress(lambda facts: self._say(messages.PROGRESS, {"run_id": run_id, "facts": facts}))

    def finish(self, start: Start) -> None:
        """Send the rest of what was written, and that this worker is done."""
        self._ship_rest()
        clock = None if self._is_abandoned else self._ask_clock()
        self._say(messages.DONE, {"run_id": start.plan.run_id, "clock": asdict(clock) if clock else None})

    def abandon(self) -> None:
        """Wait for nothing that the master might still say: it ends the run, and this worker with it."""
        self._is_abandoned = True
        self._told.set(None)
        if self._shipper is not None:
            self._shipper.abandon()

    def _ship_rest(self) -> None:
        if self._shipper is None or self._shipping is None:
            return
        self._shipper.end()
        self._shipping.join()
        try:
            self._shipper.finish(SHIP_WITHIN_S)
        except ShippingError as error:
            _log.error("%s", error)
        self._shipper = self._shipping = None

    def _on_prepare(self, msg: Any, **_: Any) -> None:
        order = msg.data
        plan = RunPlan.from_dict(order["plan"])
        self._is_abandoned = False  # a page makes one run after the other
        facts: dict[str, Any] = {"run_id": plan.run_id, "host": socket.gethostname()}
        clock = self._ask_clock()
        refusal = _why_not(plan, order["version"]) or (None if clock else "the master did not tell its clock")
        if refusal or clock is None:
            self._say(messages.READY, {**facts, "refusal": refusal})
            return
        # Another boot is another clock. So is one of the same boot that the measurement excludes: a time namespace.
        has_same_clock = order["boot_id"] == boot_id() and abs(clock.offset_ns) <= clock.bound_ns
        self._offset = SAME_CLOCK if has_same_clock else clock
        is_shared = _sees(Path(plan.folder) / order["witness"])
        if not is_shared:
            plan = replace(plan, folder=str(self._runs_dir.resolve() / plan.run_id))
        self._prepared = Start(
            plan, order["place"], order["workers"], 0, is_planned=order["is_planned"], has_own_folder=not is_shared
        )
        self._say(messages.READY, {**facts, "clock": asdict(clock), "has_same_clock": has_same_clock})

    def _on_go(self, msg: Any, **_: Any) -> None:
        if self._prepared is not None:
            self._start = replace(self._prepared, origin_ns=self._offset.ours_ns(msg.data["origin_ns"]))
            self._prepared = None

    def _ask_clock(self) -> ClockOffset | None:
        """Return the master's clock less ours, None when the master does not answer."""
        trips = []
        for _ in range(_ROUND_TRIPS):
            self._asked += 1
            self._told = AsyncResult()
            sent_ns = self._clock()
            self._say(messages.ASK_CLOCK, {"number": self._asked})
            with gevent.Timeout(_ANSWER_S, False):
                self._told.wait()
            if self._is_abandoned:
                return None
            if self._told.value is not None:
                trips.append(RoundTrip(sent_ns, *self._told.value))
        return measured(trips) if trips else None

    def _on_tell_clock(self, msg: Any, **_: Any) -> None:
        received_ns = self._clock()
        if msg.data["number"] == self._asked:
            self._told.set((msg.data["at_ns"], received_ns))

    def _on_kept(self, msg: Any, **_: Any) -> None:
        if self._shipper is not None:
            self._shipper.take(msg.data)

    def _say_part(self, run_id: str, part: dict[str, Any]) -> None:
        self._say(messages.PART, {"run_id": run_id, **part})

    def _say(self, kind: str, data: dict[str, Any]) -> None:
        self._channel.send_message(kind, data)


def _sees(witness: Path) -> bool:
    """Whether the master's folder is here too: a path alone says nothing on another machine."""
    return witness.is_file()


def _why_not(plan: RunPlan, masters: str) -> str | None:
    """Return why this worker cannot carry out the plan: addresses with passwords travel in no message."""
    own = metadata.version("letta-slo")
    if own != masters:
        return f"it has version {own} of this suite, the master has {masters}"
    if plan.redis_url_env and not os.environ.get(plan.redis_url_env):
        return f"the plan drives the bridge, and {plan.redis_url_env} is not set where this worker runs"
    return None
