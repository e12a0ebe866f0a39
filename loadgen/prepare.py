"""What does a run make on a target before it, and how is that taken away again?

Everything carries the run's tag. Agents are found by that tag, so cleaning up needs no record of what was made, and a
run that crashed can be cleaned up later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from loadgen.target import TargetError, control, ok

TAG_PREFIX = "letta-slo-run-"
_PAGE = 50
_PARALLEL = 4
_NOT_FOUND = 404

Report = Callable[[int, int], None]


def agent_body(name: str, tag: str, *, model: str, embedding: str) -> dict[str, Any]:
    """Return the body of a create-agent request, the same for preparing and for the load scenario."""
    return {
        "name": name,
        "model": model,
        "embedding": embedding,
        "tags": [tag],
        "include_base_tools": True,
        "memory_blocks": [
            {"label": label, "value": value, "tags": [tag]}
            for label, value in (
                ("human", "The user is a load test; it tells the same stories again and again."),
                ("persona", "I am patient and answer in a sentence."),
            )
        ],
    }


def create_agents(
    url: str, count: int, tag: str, *, model: str, embedding: str, report: Report | None = None
) -> tuple[str, ...]:
    """Create `count` agents, a few at a time, and return their ids; raises TargetError."""
    with control(url) as client, ThreadPoolExecutor(_PARALLEL) as pool:

        def create(number: int) -> str:
            body = agent_body(f"{tag}-{number}", tag, model=model, embedding=embedding)
            return _ids([ok(client.post("/v1/agents/", json=body))], "/v1/agents/")[0]

        ids = []
        for done, agent_id in enumerate(pool.map(create, range(count)), 1):
            ids.append(agent_id)
            if report:
                report(done, count)
    return tuple(ids)


def delete_agents(url: str, tag: str, *, report: Report | None = None) -> int:
    """Delete every agent that carries `tag`, with its archive and its blocks; return how many; raises TargetError.

    A real Letta keeps the archive (with its passages) and the blocks of an agent that is deleted, so they go by
    themselves: the archive before its agent, by which it is found, and the blocks by their tag.
    """
    if not tag.startswith(TAG_PREFIX):
        raise ValueError(f"only tags that begin with {TAG_PREFIX!r} are the suite's own, found {tag!r}")
    deleted = 0
    with control(url) as client:
        for agent_id in _until_none_is_listed(client, tag, "/v1/agents/"):
            _delete_with_archive(client, agent_id)
            deleted += 1
            if report:
                report(deleted, 0)
        for block_id in _until_none_is_listed(client, tag, "/v1/blocks/"):
            _gone(client.delete(f"/v1/blocks/{block_id}"))
    return deleted


def count_agents(url: str, tag: str) -> int:
    """Return how many agents carry `tag`, at most 1,000."""
    with control(url) as client:
        return len(_tagged(client, tag, "/v1/agents/", limit=1000))


def list_run_tags(url: str) -> tuple[str, ...]:
    """Return the run tags that agents on the target carry."""
    with control(url) as client:
        tags = ok(client.get("/v1/tags/", params={"query_text": TAG_PREFIX, "limit": 1000}))
    if not isinstance(tags, list):
        raise _odd("/v1/tags/")
    return tuple(sorted(tag for tag in tags if isinstance(tag, str) and tag.startswith(TAG_PREFIX)))


def _until_none_is_listed(client: httpx.Client, tag: str, path: str) -> Iterator[str]:
    """Yield ids, page after page, for the caller to delete each; raises TargetError when only deleted ones are left."""
    asked: set[str] = set()
    while ids := _tagged(client, tag, path):
        new = [one for one in ids if one not in asked]
        if not new:
            raise TargetError(f"{path} keeps listing {len(ids)} with the tag {tag} after they were deleted")
        asked.update(new)
        yield from new


def _tagged(client: httpx.Client, tag: str, path: str, *, limit: int = _PAGE) -> list[str]:
    found = ok(client.get(path, params={"tags": [tag], "match_all_tags": True, "limit": limit}))
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise _odd(path)
    # A server that ignored the filter must not lose what is somebody else's.
    return _ids([item for item in found if tag in (item.get("tags") or [])], path)


def _delete_with_archive(client: httpx.Client, agent_id: str) -> None:
    archives = client.get("/v1/archives/", params={"agent_id": agent_id})
    for archive_id in _ids(ok(archives), "/v1/archives/") if archives.status_code != _NOT_FOUND else ():
        _gone(client.delete(f"/v1/archives/{archive_id}"))
    _gone(client.delete(f"/v1/agents/{agent_id}"))


def _gone(response: httpx.Response) -> None:
    if response.status_code != _NOT_FOUND:  # gone already: another cleanup was faster
        ok(response)


def _ids(found: Any, path: str) -> list[str]:
    if not isinstance(found, list):
        raise _odd(path)
    ids = [item.get("id") if isinstance(item, dict) else None for item in found]
    if not all(isinstance(one, str) and one for one in ids):
        raise _odd(path)
    return [str(one) for one in ids]


def _odd(path: str) -> TargetError:
    return TargetError(f"{path} answered, but not like a Letta server (its JSON has another shape)")
