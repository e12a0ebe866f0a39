"""How does a master bring its workers to one start, and gather what they saw? It leads the messages of a run."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import gevent

from loadgen import messages
from loadgen.clock_offset import ClockOffset, error_ns
from loadgen.keeping import Keeper, KeepingError
from loadgen.machine import boot_id
from loadgen.plan import RunPlan
from loadgen.progress import Progress
from loadgen.run_folder import note_event

_LEAD_S = 1.0  # for GO and Locust's own start to reach every worker before the first arrival
_READY_S = 30.0  # a worker needs some round trips; this long is one that does not answer
_MISSING = "missing"  # locust.runners.STATE_MISSING: importing it here would patch the standard library of every test
_log = logging.getLogger(__name__)


class CrewError(Exception):
    """The workers are not ready for this run; the message says which, why, and what to do."""


class Node(Protocol):
    """What a master knows of a worker that is connected."""

    id: str
    state: str


class Nodes(Protocol):
    """The workers that are connected, in the order in which they came."""

    def get(self, key: str, /) -> Node | None:
        """Return the worker with this id."""

    def values(self) -> Any:
        """Return all of them."""


class MasterChannel(Protocol):
    """The part of Locust's master runner that a crew needs."""

    @property
    def clients(self) -> Nodes:
        """The workers that are connected."""

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        """Send a message to one worker, or to all."""

    def register_message(self, msg_type: str, listener: Callable[..., None], concurrent: bool = False) -> None:
        """Have messages of a type given to `listener`."""


@dataclass(slots=True)
class _Mate:
    """One worker of the run: its place, and what it has said."""

    place: int
    host: str = ""
    refusal: str | None = None
    is_ready: bool = False
    is_done: bool = False
    has_same_clock: bool = False
    clock: ClockOffset | None = None


class Crew:
    """The workers of one run after the other; each run begins with `gather`."""

    def __init__(self, channel: MasterChannel) -> None:
        self._channel = channel
        self._mates: dict[str, _Mate] = {}
        self._plan: RunPlan | None = None
        self._keeper: Keeper | None = None
        self._origin_ns = 0
        self._progress = Progress()
        channel.register_message(messages.ASK_CLOCK, self._on_ask_clock)
        channel.register_message(messages.READY, self._on_ready)
        channel.register_message(messages.PART, self._on_part)
        channel.register_message(messages.PROGRESS, self._on_progress)
        channel.register_message(messages.DONE, self._on_done)

    def gather(self, plan: RunPlan, workers: int, *, is_planned: bool) -> int:
        """Give `workers` of those connected their places and their start; return the origin of the run, by our clock.

        Raises CrewError when there are fewer, or when one of them refuses or does not answer.
        """
        alive = [node.id for node in self._channel.clients.values() if node.state != _MISSING]
        if len(alive) < workers:
            raise CrewError(f"{len(alive)} of {workers} workers are connected; start the others, or ask for fewer")
        self._mates = {node_id: _Mate(place) for place, node_id in enumerate(alive[:workers])}
        self._plan, self._keeper = plan, Keeper(Path(plan.folder))
        try:
            self._prepare(plan, is_planned=is_planned)
        except CrewError:
            self._mates = {}
            raise
        self._origin_ns = origin_ns(plan)
        self._progress.say(origin_ns=self._origin_ns)
        for node_id, mate in self._mates.items():
            self._channel.send_message(messages.GO, {"origin_ns": self._origin_ns}, node_id)
            self._note_clock("worker joined", mate, mate.clock)
        return self._origin_ns

    def is_over(self) -> bool:
        """Whether every worker of the run is done or gone."""
        return all(mate.is_done or self._is_gone(node_id) for node_id, mate in self._mates.items())

    def note_lost(self) -> None:
        """Note who went without being done; that they left no end marker is what makes the run invalid."""
        for mate in self._mates.values():
            if not mate.is_done:
                _log.error("worker %d (%s) was lost", mate.place, mate.host)
                self._note("worker lost", mate)

    def stop(self) -> None:
        """Tell all workers to launch nothing more."""
        for node_id in self._mates:
            self._channel.send_message(messages.STOP, {}, node_id)

    def _is_gone(self, node_id: str) -> bool:
        node = self._channel.clients.get(node_id)
        return node is None or node.state == _MISSING

    def _prepare(self, plan: RunPlan, *, is_planned: bool) -> None:
        # A worker that sees this file writes into the master's folder itself.
        witness = Path(plan.folder) / f"here-{secrets.token_hex(8)}"
        witness.parent.mkdir(parents=True, exist_ok=True)
        witness.touch()
        order = {"plan": plan.to_dict(), "is_planned": is_planned, "workers": len(self._mates)}
        order |= {"witness": witness.name, "boot_id": boot_id(), "version": metadata.version("letta-slo")}
        try:
            for node_id, mate in self._mates.items():
                self._channel.send_message(messages.PREPARE, {**order, "place": mate.place}, node_id)
            self._wait_until_ready()
        finally:
            witness.unlink()

    def _wait_until_ready(self) -> None:
        with gevent.Timeout(_READY_S, False):
            while not all(mate.is_ready or mate.refusal for mate in self._mates.values()):
                gevent.sleep(0.01)
        for node_id, mate in self._mates.items():
            if mate.refusal:
                raise CrewError(f"worker {mate.place} ({mate.host}) cannot take part: {mate.refusal}")
            if not mate.is_ready:
                raise CrewError(
                    f"worker {mate.place} ({node_id}) did not answer within {_READY_S:g} s: does it run "
                    f"`locust -f loadtests --worker` of the same version of this suite?"
                )

    def _on_ask_clock(self, msg: Any, **_: Any) -> None:
        told = {"number": msg.data["number"], "at_ns": time.monotonic_ns()}
        self._channel.send_message(messages.TELL_CLOCK, told, msg.node_id)

    def _on_ready(self, msg: Any, **_: Any) -> None:
        mate = self._mate(msg)
        if mate is None:
            return
        mate.host, mate.refusal = msg.data["host"], msg.data.get("refusal")
        if mate.refusal is None:
            mate.clock = ClockOffset(**msg.data["clock"])
            mate.has_same_clock = msg.data["has_same_clock"]
            mate.is_ready = True

    def _on_part(self, msg: Any, **_: Any) -> None:
        mate = self._mate(msg)
        if mate is None or self._keeper is None:
            return
        try:
            answer = self._keeper.keep(mate.place, msg.data)
        except (KeepingError, OSError):
            _log.exception("worker %d: a part of what it recorded is not kept", mate.place)
            return  # it asks again, and is counted as lost when it never gets an answer
        self._channel.send_message(messages.KEPT, {"number": msg.data["number"], **answer}, msg.node_id)

    def _on_progress(self, msg: Any, **_: Any) -> None:
        if self._mate(msg) is not None:
            self._progress.say(**msg.data["facts"])

    def _on_done(self, msg: Any, **_: Any) -> None:
        mate = self._mate(msg)
        if mate is None:
            return
        mate.is_done = True
        found = msg.data["clock"]
        self._note_clock("worker done", mate, ClockOffset(**found) if found else None)

    def _mate(self, msg: Any) -> _Mate | None:
        """Return who says this, None when it is none of this run: a web page makes one run after the other."""
        is_ours = self._plan is not None and msg.data["run_id"] == self._plan.run_id
        return self._mates.get(msg.node_id) if is_ours else None

    def _note_clock(self, kind: str, mate: _Mate, now: ClockOffset | None) -> None:
        """Note how far the worker's clock is from ours; the error is none where both are the same clock."""
        facts: dict[str, Any] = {}
        if now is not None and mate.clock is not None:
            error = 0 if mate.has_same_clock else error_ns(mate.clock, now)
            facts = {f"clock_{key[:-3]}_ms": value / 1e6 for key, value in asdict(now).items()}
            facts |= {"has_same_clock": mate.has_same_clock, "clock_error_ms": error / 1e6}
        self._note(kind, mate, **facts)

    def _note(self, kind: str, mate: _Mate, **facts: Any) -> None:
        if self._plan is not None:
            offset_s = (time.monotonic_ns() - self._origin_ns) / 1e9
            note_event(Path(self._plan.folder), "master", kind, offset_s, worker=mate.place, host=mate.host, **facts)


def origin_ns(plan: RunPlan) -> int:
    """Return when the run begins, by our CLOCK_MONOTONIC: soon, or at the time of day that two runs have agreed on."""
    if plan.origin_unix_ns is None:
        return time.monotonic_ns() + int(_LEAD_S * 1e9)
    return time.monotonic_ns() + plan.origin_unix_ns - time.time_ns()
