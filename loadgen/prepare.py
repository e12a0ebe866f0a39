"""What does a run make on a target before it, and how is that taken away again?

Everything carries the run's tag. Agents are found by that tag, so cleaning up needs no record of what was made, and a
run that crashed can be cleaned up later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from loadgen.agent_shape import AgentShape
from loadgen.letta_control import AGENTS, BLOCKS, delete_archives, gone, ids_of, odd, tagged
from loadgen.target import TargetError, control, ok

TAG_PREFIX = "letta-slo-run-"
FLEET_PREFIX = "letta-slo-fleet-"
LEASE_PREFIX = "letta-slo-lease-"  # on a block that says which run uses a fleet
PARALLEL = 8  # control calls at a time: one real Letta is busy with three, ten replicas are not busy with eight

_OURS = (TAG_PREFIX, FLEET_PREFIX, LEASE_PREFIX)
_EMPTY = AgentShape()

Report = Callable[[int, int], None]


def agent_body(name: str, tag: str, *, model: str, embedding: str, shape: AgentShape = _EMPTY) -> dict[str, Any]:
    """Return the body of a create-agent request, the same for preparing and for the load scenario."""
    body = {
        "name": name,
        "model": model,
        "embedding": embedding,
        "tags": [tag],
        "include_base_tools": True,
        "memory_blocks": [{"label": label, "value": value, "tags": [tag]} for label, value in shape.blocks().items()],
    }
    history = shape.messages()
    return {**body, "initial_message_sequence": history} if history else body


def create_agents(
    url: str,
    count: int,
    tag: str,
    *,
    model: str,
    embedding: str,
    shape: AgentShape = _EMPTY,
    report: Report | None = None,
) -> tuple[str, ...]:
    """Create `count` agents, a few at a time, and return their ids; raises TargetError."""
    with control(url) as client, ThreadPoolExecutor(PARALLEL) as pool:

        def create(number: int) -> str:
            body = agent_body(f"{tag}-{number}", tag, model=model, embedding=embedding, shape=shape)
            return ids_of([ok(client.post(AGENTS, json=body))], AGENTS)[0]

        ids = []
        for done, agent_id in enumerate(pool.map(create, range(count)), 1):
            ids.append(agent_id)
            if report:
                report(done, count)
    return tuple(ids)


def delete_agents(url: str, tag: str, *, report: Report | None = None) -> int:
    """Delete every agent that carries `tag`, with its archive and its blocks; return how many; raises TargetError.

    A real Letta keeps the archive (with its passages) and the blocks of an agent that is deleted, so they go by
    themselves: the archive before its agent, by which it is found, and the blocks by their tag. `report` is told how
    many agents are gone, and 0 for how many there are: nobody counted them.
    """
    if not tag.startswith(_OURS):
        raise ValueError(f"only tags that begin with {', '.join(_OURS)} are the suite's own, found {tag!r}")
    deleted = 0
    with control(url) as client, ThreadPoolExecutor(PARALLEL) as pool:

        def delete_agent(agent_id: str) -> None:
            delete_archives(client, agent_id)
            gone(client.delete(f"{AGENTS}{agent_id}"))

        def delete_block(block_id: str) -> None:
            gone(client.delete(f"{BLOCKS}{block_id}"))

        for page in _until_none_is_listed(client, tag, AGENTS):
            for _ in pool.map(delete_agent, page):
                deleted += 1
                if report:
                    report(deleted, 0)
        for page in _until_none_is_listed(client, tag, BLOCKS):
            list(pool.map(delete_block, page))
    return deleted


def count_agents(url: str, tag: str) -> int:
    """Return how many agents carry `tag`; raises TargetError."""
    path = f"{AGENTS}count"
    with control(url) as client:
        found = ok(client.get(path, params={"tags": [tag], "match_all_tags": True}))
    if not isinstance(found, int):
        raise odd(path)
    return found


def list_tags(url: str, prefix: str) -> tuple[str, ...]:
    """Return the tags on the target that begin with one of the suite's prefixes, at most 1,000; raises TargetError."""
    with control(url) as client:
        tags = ok(client.get("/v1/tags/", params={"query_text": prefix, "limit": 1000}))
    if not isinstance(tags, list):
        raise odd("/v1/tags/")
    return tuple(sorted(tag for tag in tags if isinstance(tag, str) and tag.startswith(prefix)))


def _until_none_is_listed(client: httpx.Client, tag: str, path: str) -> Iterator[list[str]]:
    """Yield pages of ids for the caller to delete; raises TargetError when only deleted ones are left."""
    asked: set[str] = set()
    while ids := ids_of(tagged(client, path, tag), path):
        new = [one for one in ids if one not in asked]
        if not new:
            raise TargetError(f"{path} keeps listing {len(ids)} with the tag {tag} after they were deleted")
        asked.update(new)
        yield new
