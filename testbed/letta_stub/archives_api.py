"""Answers to requests about archives and tags: what a run leaves behind besides its agents, and how it is found.

A real archive outlives its agent; the stub's goes with it, since nothing but a cleanup before that asks for it.
"""

from __future__ import annotations

from testbed.letta_stub import requests
from testbed.letta_stub.errors import detail, not_found
from testbed.letta_stub.house import House
from testbed.letta_stub.shapes import archive_state
from testbed.stub.stage import Call, Reply, json_reply


class ArchivesApi:
    """Handlers; each refuses with a reply of the real server's form."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._store = house.store

    def list(self, call: Call) -> Reply:
        """GET /v1/archives/, of one agent with `agent_id`; an agent has none before its first passage."""
        agent_id = requests.text_query(call, "agent_id")
        if agent_id is not None and agent_id not in self._store.agents:
            raise detail(404, "Agent not found")
        agents = [self._store.agents[agent_id]] if agent_id is not None else list(self._store.agents.values())
        return json_reply([archive_state(agent, self._house.models) for agent in agents if agent.passages])

    def delete(self, call: Call) -> Reply:
        """DELETE /v1/archives/{archive_id}: 204 and no body; its passages go with it."""
        archive_id = call.params["archive_id"]
        agent = self._store.agent_of_archive(archive_id)
        if agent is None or not agent.passages:
            raise not_found("Archive", archive_id)
        self._store.clear_archive(agent)
        return Reply(status=204, body=b"")

    def tags(self, call: Call) -> Reply:
        """GET /v1/tags/: the names of all tags that agents and blocks carry, in order."""
        text = requests.text_query(call, "query_text") or ""
        found = sorted(tag for tag in self._store.tags() if text in tag)
        return json_reply(found[: requests.int_query(call, "limit", 50)])
