"""Which agents of a tier stay on a target from run to run, and how are they made, completed and reset?

A member of a fleet is found by the fleet's tag and its name, so nothing about it is kept outside the server: whoever
was interrupted goes on where it stopped, on any machine. A member is ready when its metadata tells which messages it
was made with; resetting it means that its context is these again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

import httpx

from loadgen.agent_shape import AgentShape
from loadgen.letta_control import AGENTS, all_tagged, delete_archives, gone, odd
from loadgen.prepare import FLEET_PREFIX, PARALLEL, Report, agent_body
from loadgen.target import control, ok

_METADATA = "letta-slo"  # our key among the metadata of an agent
_PAGE = 100  # an agent is listed with its tools and its system prompt, some 15 kB
_ROUNDS = 5  # agents of an interrupted command may appear while this one works, but not for ever


class FleetError(Exception):
    """A fleet is not there, not whole, of another kind, or in use."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The agents that a tier wants on a server."""

    url: str
    tier: str
    count: int
    shape: AgentShape
    model: str
    embedding: str

    @property
    def tag(self) -> str:
        """What all agents of the fleet, and their blocks, are marked with."""
        return FLEET_PREFIX + self.tier

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its agents, in their order."""
        return tuple(f"{self.tag}-{number:05d}" for number in range(self.count))


@dataclass(frozen=True, slots=True)
class Member:
    """An agent of a fleet as the server has it; `prepared` is empty until it is ready."""

    id: str
    name: str
    model: str
    shape: dict[str, Any]
    message_ids: tuple[str, ...]
    prepared: tuple[str, ...]
    blocks: dict[str, str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What preparing did: agents that were ready before, made (or completed), and removed because they were twice."""

    found: int
    made: int
    removed: int


def prepare(fleet: Fleet, *, report: Report | None = None) -> Prepared:
    """Make what a fleet lacks, a few agents at a time; `report` is told how many are ready, and how many it wants.

    Raises TargetError, after which the same call goes on, and FleetError for a fleet of another kind.
    """
    found, made, removed = None, 0, 0
    with control(fleet.url) as client, ThreadPoolExecutor(PARALLEL) as pool:
        for _ in range(_ROUNDS):
            ready, unready, surplus = _sorted_out(fleet, _tagged(client, fleet.tag))
            found = len(ready) if found is None else found
            there = {one.name for one in (*ready, *unready)}
            missing = [name for name in fleet.names if name not in there]
            if not (missing or unready or surplus):
                return Prepared(found, made, removed)
            tick = _ticker(report, len(ready), fleet.count)
            _each(pool, partial(_finish, client), unready, tick)
            _each(pool, partial(_make, client, fleet), missing, tick)
            _each(pool, partial(_remove, client), surplus)
            made += len(unready) + len(missing)
            removed += len(surplus)
    raise FleetError(f"{fleet.tag}: agents come and go; does another command prepare or clean up this fleet?")


def members(fleet: Fleet) -> tuple[Member, ...]:
    """Return the fleet's agents in their order; raises FleetError unless all are ready, and TargetError."""
    with control(fleet.url) as client:
        ready, _, _ = _sorted_out(fleet, _tagged(client, fleet.tag))
    if len(ready) < fleet.count:
        raise FleetError(
            f"{fleet.tag}: {len(ready):,} of {fleet.count:,} agents are ready on this server; "
            f"letta-slo prepare --tier {fleet.tier} makes the others"
        )
    return tuple(sorted(ready, key=lambda one: one.name))


def tagged_members(url: str, tag: str) -> tuple[Member, ...]:
    """Return all agents that carry a tag, as they are now; raises TargetError."""
    with control(url) as client:
        return tuple(_tagged(client, tag))


def reset(url: str, shape: AgentShape, agents: Iterable[Member], *, report: Report | None = None) -> None:
    """Give agents back the context and the blocks that they were made with, and take their archives away.

    What a run left in their histories stays in the server's database, outside of their context: Letta 0.16.4 deletes no
    message, no conversation and no run without the agent. Raises TargetError.
    """
    every = list(agents)
    with control(url) as client, ThreadPoolExecutor(PARALLEL) as pool:
        _each(pool, partial(_reset, client, shape.blocks()), every, _ticker(report, 0, len(every)))


def _tagged(client: httpx.Client, tag: str) -> list[Member]:
    """Return the agents that carry a tag, oldest first."""
    return [_member(item) for item in all_tagged(client, AGENTS, tag, limit=_PAGE)]


def _member(item: dict[str, Any]) -> Member:
    try:
        ours = (item.get("metadata") or {}).get(_METADATA) or {}
        return Member(
            id=item["id"],
            name=item["name"],
            model=item["model"],
            shape=dict(ours.get("shape") or {}),
            message_ids=tuple(item["message_ids"]),
            prepared=tuple(ours.get("message_ids") or ()),
            blocks={block["label"]: block["value"] for block in item["blocks"]},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise odd(AGENTS) from error


def _sorted_out(fleet: Fleet, found: list[Member]) -> tuple[list[Member], list[Member], list[Member]]:
    """Return one ready member of each name, one that is not ready of each other name, and all that are too many.

    Which of two of a name stays is the same whoever looks: the oldest ready one. Raises FleetError.
    """
    wanted = set(fleet.names)
    _check_kind(fleet, [one for one in found if one.name in wanted])
    kept: dict[str, Member] = {}
    for one in sorted(found, key=lambda member: not member.prepared):
        if one.name in wanted:
            kept.setdefault(one.name, one)
    ids = {one.id for one in kept.values()}
    surplus = [one for one in found if one.name in wanted and one.id not in ids]
    ready = [one for one in kept.values() if one.prepared]
    return ready, [one for one in kept.values() if not one.prepared], surplus


def _check_kind(fleet: Fleet, found: list[Member]) -> None:
    for one in found:
        if one.shape != asdict(fleet.shape) or one.model != fleet.model:
            raise FleetError(
                f"{fleet.tag}: {one.name} was made of another kind ({one.shape}, {one.model}; wanted are "
                f"{asdict(fleet.shape)}, {fleet.model}); letta-slo cleanup --fleet {fleet.tier} --yes removes the fleet"
            )


def _make(client: httpx.Client, fleet: Fleet, name: str) -> None:
    body = agent_body(name, fleet.tag, model=fleet.model, embedding=fleet.embedding, shape=fleet.shape)
    made = ok(client.post(AGENTS, json={**body, "metadata": {_METADATA: {"shape": asdict(fleet.shape)}}}))
    if not isinstance(made, dict):
        raise odd(AGENTS)
    _finish(client, _member(made))


def _finish(client: httpx.Client, one: Member) -> None:
    """Note the messages that an agent was made with; no run uses one before that, so they are what it has now."""
    metadata = {_METADATA: {"shape": one.shape, "message_ids": one.message_ids}}
    ok(client.patch(f"{AGENTS}{one.id}", json={"metadata": metadata}))


def _remove(client: httpx.Client, one: Member) -> None:
    delete_archives(client, one.id)
    gone(client.delete(f"{AGENTS}{one.id}"))


def _reset(client: httpx.Client, blocks: dict[str, str], one: Member) -> None:
    path = f"{AGENTS}{one.id}"
    if one.message_ids != one.prepared:
        ok(client.patch(path, json={"message_ids": one.prepared}))
    for label, text in blocks.items():
        if one.blocks.get(label) != text:
            ok(client.patch(f"{path}/core-memory/blocks/{label}", json={"value": text}))
    delete_archives(client, one.id)


Thing = TypeVar("Thing")
Tick = Callable[[], None]


def _each(
    pool: ThreadPoolExecutor, step: Callable[[Thing], None], things: Iterable[Thing], tick: Tick | None = None
) -> None:
    """Do a step for each thing, and tick after each; what one raises ends it, with the others not begun."""
    for _ in pool.map(step, things):
        if tick:
            tick()


def _ticker(report: Report | None, done: int, total: int) -> Tick | None:
    """Return what reports one more that is done, each time that it is called."""
    if report is None:
        return None
    numbers = itertools.count(done + 1)
    return lambda: report(next(numbers), total)
