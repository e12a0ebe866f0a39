"""Answers to requests about agents, models and health."""

from __future__ import annotations

from typing import Any

from testbed import double
from testbed.letta_stub import requests
from testbed.letta_stub.errors import detail, not_found, unprocessable
from testbed.letta_stub.house import House
from testbed.letta_stub.ids import new_id
from testbed.letta_stub.mind import tokens_in
from testbed.letta_stub.models import EMBEDDING_HANDLES
from testbed.letta_stub.shapes import agent_state
from testbed.letta_stub.state import Agent, Block
from testbed.letta_stub.wire import system_message, user_message
from testbed.letta_stub.wording import BLOCK_LIMIT
from testbed.stub.stage import Call, Reply, json_reply

_HEALTHY = Reply(b'{"version":"0.16.4","status":"ok"}', headers=((double.HEADER, b"letta-stub"),))


class AgentsApi:
    """Handlers; each refuses with a reply of the real server's form."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._created = 0

    def health(self, _: Call) -> Reply:
        """GET /v1/health/."""
        return _HEALTHY

    def models(self, _: Call) -> Reply:
        """GET /v1/models/."""
        return json_reply(self._house.models.listing())

    def create(self, call: Call) -> Reply:
        """POST /v1/agents/."""
        found = requests.body(call)
        self._created += 1
        agent = Agent(
            name=requests.field(found, "name", str, f"Agent{self._created}"),
            model=self._model(found),
            embedding=self._embedding(found),
            blocks={block.label: block for block in _blocks(found)},
            tags=requests.field(found, "tags", list, []),
            description=requests.field(found, "description", str, None),
            metadata=requests.field(found, "metadata", dict, None),
            system=requests.field(found, "system", str, None),
            timezone=requests.field(found, "timezone", str, "UTC"),
            has_base_tools=requests.field(found, "include_base_tools", bool, True),
        )
        agent.log.append(system_message(agent.system_message_id, agent.system))
        said = requests.initial_texts(found)
        agent.begin_with(user_message(new_id("message"), text) for text in said)
        agent.thread.tokens = sum(map(tokens_in, said))
        self._house.store.add_agent(agent)
        return json_reply(agent_state(agent, self._house.models))

    def list(self, call: Call) -> Reply:
        """GET /v1/agents/, newest first unless order=asc; `after` and `before` are ids in that order."""
        agents = _matching(self._house, call)
        if requests.text_query(call, "order") != "asc":
            agents.reverse()
        ids = [agent.id for agent in agents]
        page = window(ids, call, default_limit=50)
        return json_reply([agent_state(agents[index], self._house.models) for index in page])

    def count(self, call: Call) -> Reply:
        """GET /v1/agents/count: how many agents match, by the parameters of the list."""
        return json_reply(len(_matching(self._house, call)))

    def get(self, call: Call) -> Reply:
        """GET /v1/agents/{agent_id}."""
        return json_reply(agent_state(self._house.agent(call), self._house.models))

    def modify(self, call: Call) -> Reply:
        """PATCH /v1/agents/{agent_id}: of the fields that a real server takes, `message_ids` and `metadata`."""
        agent_id = requests.agent_id(call)
        found = requests.body(call)
        agent = self._house.store.agents.get(agent_id)
        if agent is None:
            raise not_found("Agent", agent_id)
        message_ids = requests.field(found, "message_ids", list, None)
        if message_ids is not None:
            agent.put_in_context(message_ids)
            agent.thread.tokens = sum(tokens_in(str(one.get("content", ""))) for one in agent.thread.messages)
        agent.metadata = requests.field(found, "metadata", dict, agent.metadata)
        return json_reply(agent_state(agent, self._house.models))

    def delete(self, call: Call) -> Reply:
        """DELETE /v1/agents/{agent_id}."""
        agent_id = requests.agent_id(call)
        if agent_id not in self._house.store.agents:
            raise not_found("Agent", agent_id)
        self._house.store.delete_agent(agent_id)
        return json_reply({"message": f"Agent id={agent_id} successfully deleted"})

    def _model(self, found: dict[str, Any]) -> str:
        handle = requests.field(found, "model", str, None)
        if handle is None:
            raise detail(400, "INVALID_ARGUMENT: Must specify either model or llm_config in request")
        if handle not in self._house.models.handles:
            raise detail(404, f"NOT_FOUND: Handle {handle} not found, must be one of []")
        return str(handle)

    def _embedding(self, found: dict[str, Any]) -> str | None:
        handle = requests.field(found, "embedding", str, None)
        if handle is not None and handle not in EMBEDDING_HANDLES:
            raise detail(400, f"INVALID_ARGUMENT: Embedding model {handle} not found")
        return None if handle is None else str(handle)


def _matching(house: House, call: Call) -> list[Agent]:
    return house.store.agents_with(
        name=requests.text_query(call, "name"),
        tags=call.query("tags"),
        all_tags=requests.bool_query(call, "match_all_tags", default=False),
        text=requests.text_query(call, "query_text"),
    )


def window(ids: list[str], call: Call, *, default_limit: int) -> range:
    """Return the positions that `after`, `before` and `limit` select.

    A limit of 0 is none, as in the real server; an unknown cursor selects from the edge.
    """
    begin, end = 0, len(ids)
    after, before = requests.text_query(call, "after"), requests.text_query(call, "before")
    if after in ids:
        begin = ids.index(after) + 1
    if before in ids:
        end = ids.index(before)
    limit = requests.int_query(call, "limit", default_limit) or len(ids)
    return range(begin, max(begin, min(end, begin + limit)))


def new_block(found: Any, *place: str | int) -> Block:  # anything may stand there
    """Return the block that a body asks for; refuses with 422, naming its place in the body."""
    for name in ("value", "label"):
        if not isinstance(found, dict) or name not in found:
            where = ("body", *place, name)
            raise unprocessable([{"type": "missing", "loc": where, "msg": "Field required", "input": found}])
    return Block(
        label=requests.required_text(found, "label"),
        value=requests.required_text(found, "value"),
        description=requests.field(found, "description", str, None),
        limit=requests.field(found, "limit", int, BLOCK_LIMIT),
        metadata=requests.field(found, "metadata", dict, {}),
        read_only=requests.field(found, "read_only", bool, False),
        tags=requests.field(found, "tags", list, []),
    )


def _blocks(found: dict[str, Any]) -> list[Block]:
    asked = requests.field(found, "memory_blocks", list, [])
    return [new_block(block, "memory_blocks", index) for index, block in enumerate(asked)]
