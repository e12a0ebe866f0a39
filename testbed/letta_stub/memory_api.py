"""Answers to requests about an agent's memory blocks and its archival memory."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from testbed.letta_stub import requests
from testbed.letta_stub.agents_api import window
from testbed.letta_stub.errors import LlmError, detail, not_found, unknown_failure
from testbed.letta_stub.house import House
from testbed.letta_stub.models import EMBEDDING_HANDLES
from testbed.letta_stub.shapes import block_state, passage_state, search_result
from testbed.letta_stub.state import Agent, Block, Passage
from testbed.llm_stub.embedding import embed
from testbed.stub.stage import Answer, Call, Reply, json_reply

_SEARCH_DIMENSION = 64  # the ranking needs no more, and 500 passages an agent stay cheap to rank
_DEFAULT_TOP_K = 5


class MemoryApi:
    """Handlers; each refuses with a reply of the real server's form."""

    def __init__(self, house: House) -> None:
        self._house = house

    def blocks(self, call: Call) -> Reply:
        """GET /v1/agents/{agent_id}/core-memory/blocks, by falling id: there is no order that means anything."""
        blocks = sorted(self._agent(call).blocks.values(), key=lambda block: block.id, reverse=True)
        return json_reply([block_state(block) for block in blocks])

    def block(self, call: Call) -> Reply:
        """GET /v1/agents/{agent_id}/core-memory/blocks/{block_label}."""
        return json_reply(block_state(self._block(call)))

    def patch_block(self, call: Call) -> Reply:
        """PATCH /v1/agents/{agent_id}/core-memory/blocks/{block_label}."""
        block = self._block(call)
        found = requests.body(call)
        block.value = requests.field(found, "value", str, block.value)
        block.description = requests.field(found, "description", str, block.description)
        block.limit = requests.field(found, "limit", int, block.limit)
        return json_reply(block_state(block))

    async def insert(self, call: Call) -> Answer:
        """POST /v1/agents/{agent_id}/archival-memory: a list of the one new passage."""
        agent = self._house.agent(call)
        found = requests.body(call)
        text = requests.required_text(found, "text")
        tags = requests.field(found, "tags", list, None)
        embedding = await self._embedding(call, text)
        passage = Passage(
            text, None if tags is None else tuple(tags), agent.archive_id, agent.embedding or EMBEDDING_HANDLES[0]
        )
        agent.remember(passage)
        return json_reply([passage_state(passage, embedding, self._house.models)])

    def list(self, call: Call) -> Reply:
        """GET /v1/agents/{agent_id}/archival-memory, oldest first unless ascending=false; an unknown agent has none."""
        agent = self._house.store.agents.get(requests.agent_id(call))
        passages = agent.passages if agent is not None else {}
        ids = list(passages)
        if not requests.bool_query(call, "ascending", default=True):
            ids.reverse()
        page = [passages[ids[index]] for index in window(ids, call, default_limit=100)]
        return json_reply([passage_state(passage, embed(passage.text), self._house.models) for passage in page])

    async def search(self, call: Call) -> Answer:
        """GET /v1/agents/{agent_id}/archival-memory/search: the nearest passages first."""
        agent = self._house.agent(call)
        query = requests.required_query(call, "query")
        await self._embedding(call, query)
        tags = set(call.query("tags"))
        passages = [passage for passage in agent.passages.values() if not tags or tags & set(passage.tags or ())]
        found = _nearest(query, passages)[: requests.int_query(call, "top_k", _DEFAULT_TOP_K)]
        return json_reply({"results": [search_result(passage) for passage in found], "count": len(found)})

    def delete(self, call: Call) -> Reply:
        """DELETE /v1/agents/{agent_id}/archival-memory/{memory_id}."""
        agent = self._house.agent(call)
        memory_id = call.params["memory_id"]
        if agent.passages.pop(memory_id, None) is None:
            raise detail(404, f"Passage with id {memory_id} not found in database.")
        return json_reply({"message": f"Memory id={memory_id} successfully deleted"})

    async def _embedding(self, call: Call, text: str) -> np.ndarray[Any, Any]:
        """Return the embedding of a text; a failure of the model is none that Letta knows here."""
        try:
            return await self._house.mind.embedding(call, text)
        except LlmError as error:
            raise unknown_failure() from error

    def _agent(self, call: Call) -> Agent:
        """Return the agent whose blocks are asked for: an unknown one is refused in other words than elsewhere."""
        agent_id = requests.agent_id(call)
        agent = self._house.store.agents.get(agent_id)
        if agent is None:
            raise not_found("Agent", agent_id)
        return agent

    def _block(self, call: Call) -> Block:
        agent = self._agent(call)
        label = call.params["block_label"]
        block = agent.blocks.get(label)
        if block is None:
            raise detail(404, f"No block with label '{label}' found for agent '{agent.id}'")
        return block


def _nearest(query: str, passages: list[Passage]) -> list[Passage]:
    """Return the passages by falling cosine between small made-up embeddings, which share what words share."""
    if not passages:
        return []
    matrix: np.ndarray[Any, Any] = np.stack([_small(passage.text) for passage in passages])
    order = np.argsort(-(matrix @ _small(query)), kind="stable")
    return [passages[index] for index in order]


@lru_cache(maxsize=50_000)  # 256 bytes each, and the text
def _small(text: str) -> np.ndarray[Any, Any]:
    return embed(text, _SEARCH_DIMENSION)
