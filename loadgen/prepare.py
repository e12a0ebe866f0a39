"""What does a run make on a target before it, and how is that taken away again?

Everything carries the run's tag. Agents are found by that tag, so cleaning up needs no record of what was made, and a
run that crashed can be cleaned up later.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx

TAG_PREFIX = "letta-slo-run-"
_TIMEOUT_S = 60.0
_PAGE = 50
_PARALLEL = 4
_NOT_FOUND = 404

Report = Callable[[int, int], None]


class TargetError(Exception):
    """The target could not be reached, or answered a control call with an error."""


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


def check_health(url: str) -> str:
    """Return the version that the server names; raises TargetError when it does not answer like a Letta server."""
    with _client(url) as client:
        body = _ok(client.get("/v1/health/", timeout=10.0))
    if not isinstance(body, dict) or "version" not in body:
        raise TargetError(f"{url}/v1/health/ answered, but not like a Letta server (no version in it)")
    return str(body["version"])


def create_agents(
    url: str, count: int, tag: str, *, model: str, embedding: str, report: Report | None = None
) -> tuple[str, ...]:
    """Create `count` agents, a few at a time, and return their ids; raises TargetError."""
    with _client(url) as client, ThreadPoolExecutor(_PARALLEL) as pool:

        def create(number: int) -> str:
            body = agent_body(f"{tag}-{number}", tag, model=model, embedding=embedding)
            return str(_ok(client.post("/v1/agents/", json=body))["id"])

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
    with _client(url) as client:
        while ids := _tagged(client, tag):
            for agent_id in ids:
                _delete_with_archive(client, agent_id)
                deleted += 1
                if report:
                    report(deleted, 0)
        while blocks := _tagged(client, tag, path="/v1/blocks/"):
            for block_id in blocks:
                _gone(client.delete(f"/v1/blocks/{block_id}"))
    return deleted


def count_agents(url: str, tag: str) -> int:
    """Return how many agents carry `tag`, at most 1,000."""
    with _client(url) as client:
        return len(_tagged(client, tag, limit=1000))


def list_run_tags(url: str) -> tuple[str, ...]:
    """Return the run tags that agents on the target carry."""
    with _client(url) as client:
        tags = _ok(client.get("/v1/tags/", params={"query_text": TAG_PREFIX, "limit": 1000}))
    return tuple(sorted(tag for tag in tags if str(tag).startswith(TAG_PREFIX)))


def _tagged(client: httpx.Client, tag: str, *, path: str = "/v1/agents/", limit: int = _PAGE) -> list[str]:
    found = _ok(client.get(path, params={"tags": [tag], "match_all_tags": True, "limit": limit}))
    # A server that ignored the filter must not lose what is somebody else's.
    return [str(item["id"]) for item in found if tag in (item.get("tags") or [])]


def _delete_with_archive(client: httpx.Client, agent_id: str) -> None:
    archives = client.get("/v1/archives/", params={"agent_id": agent_id})
    for archive in _ok(archives) if archives.status_code != _NOT_FOUND else ():
        _gone(client.delete(f"/v1/archives/{archive['id']}"))
    _gone(client.delete(f"/v1/agents/{agent_id}"))


def _gone(response: httpx.Response) -> None:
    if response.status_code != _NOT_FOUND:  # gone already: another cleanup was faster
        _ok(response)


@contextmanager
def _client(url: str) -> Iterator[httpx.Client]:
    key = os.environ.get("LETTA_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=_TIMEOUT_S, trust_env=False) as client:
            yield client
    except httpx.HTTPError as error:
        raise TargetError(f"{url}: {type(error).__name__}: {error}") from error


def _ok(response: httpx.Response) -> Any:
    if not response.is_success:
        request = response.request
        raise TargetError(f"{request.method} {request.url.path} answered {response.status_code}")
    return response.json() if response.content else None
