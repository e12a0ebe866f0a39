"""Answers to requests about blocks by themselves: how a run finds and removes those that it made."""

from __future__ import annotations

from testbed.letta_stub import requests
from testbed.letta_stub.agents_api import new_block, window
from testbed.letta_stub.errors import not_found
from testbed.letta_stub.house import House
from testbed.letta_stub.shapes import block_state
from testbed.stub.stage import Call, Reply, json_reply


class BlocksApi:
    """Handlers; each refuses with a reply of the real server's form."""

    def __init__(self, house: House) -> None:
        self._store = house.store

    def create(self, call: Call) -> Reply:
        """POST /v1/blocks/."""
        block = new_block(requests.body(call))
        self._store.add_block(block)
        return json_reply(block_state(block))

    def list(self, call: Call) -> Reply:
        """GET /v1/blocks/, newest first; several tags: blocks with any of them, or all with match_all_tags."""
        is_all = requests.bool_query(call, "match_all_tags", default=False)
        found = self._store.blocks_with(call.query("tags"), all_tags=is_all)[::-1]
        page = window([block.id for block in found], call, default_limit=50)
        return json_reply([block_state(found[index]) for index in page])

    def delete(self, call: Call) -> Reply:
        """DELETE /v1/blocks/{block_id}: the body is null."""
        block_id = call.params["block_id"]
        if block_id not in self._store.blocks:
            raise not_found("Block", block_id)
        self._store.delete_block(block_id)
        return json_reply(None)
