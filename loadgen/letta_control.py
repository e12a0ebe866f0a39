"""How is a Letta server asked for what carries a tag, and what is left when that is deleted?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from loadgen.target import TargetError, ok

AGENTS, BLOCKS, ARCHIVES = "/v1/agents/", "/v1/blocks/", "/v1/archives/"
PAGE = 50
_NOT_FOUND = 404


def tagged(
    client: httpx.Client, path: str, tag: str, *, limit: int = PAGE, after: str | None = None
) -> list[dict[str, Any]]:
    """Return a page of what carries `tag`, oldest agents first; `after` is the id at which the page before it ended."""
    asked: dict[str, str | int | bool | list[str]] = {
        "tags": [tag],
        "match_all_tags": True,
        "limit": limit,
        "order": "asc",
    }
    found = ok(client.get(path, params={**asked, "after": after} if after else asked))
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise odd(path)
    ids_of(found, path)
    # A server that ignored the filter must not lose what is somebody else's.
    return [item for item in found if tag in (item.get("tags") or [])]


def all_tagged(client: httpx.Client, path: str, tag: str, *, limit: int = PAGE) -> Iterator[dict[str, Any]]:
    """Yield everything that carries `tag`, page after page; raises TargetError when a page comes a second time."""
    seen: set[str] = set()
    after: str | None = None
    while page := tagged(client, path, tag, limit=limit, after=after):
        after = page[-1]["id"]
        if after in seen:
            raise TargetError(f"{path} answers the same page again and again: it ignores `after`")
        seen.update(item["id"] for item in page)
        yield from page


def delete_archives(client: httpx.Client, agent_id: str) -> None:
    """Delete the archive of an agent with its passages, if there is one; raises TargetError."""
    archives = client.get(ARCHIVES, params={"agent_id": agent_id})
    for archive_id in ids_of(ok(archives), ARCHIVES) if archives.status_code != _NOT_FOUND else ():
        gone(client.delete(f"{ARCHIVES}{archive_id}"))


def gone(response: httpx.Response) -> None:
    """Check that something is no longer there; raises TargetError."""
    if response.status_code != _NOT_FOUND:  # gone already: another cleanup was faster
        ok(response)


def ids_of(found: Any, path: str) -> list[str]:
    """Return the ids of a list of JSON objects; raises TargetError for anything else."""
    if not isinstance(found, list):
        raise odd(path)
    ids = [item.get("id") if isinstance(item, dict) else None for item in found]
    if not all(isinstance(one, str) and one for one in ids):
        raise odd(path)
    return [str(one) for one in ids]


def odd(path: str) -> TargetError:
    """Return the error for an answer that is not like Letta's."""
    return TargetError(f"{path} answered, but not like a Letta server (its JSON has another shape)")
