"""How fast are an agent's memory blocks read and written?"""

from loadgen.engine import Call, Reply, Scenario
from loadgen.letta_answers import list_fault, object_fault
from loadtests._letta import agent_path


class BlocksRead(Scenario):
    """GET /v1/agents/{id}/core-memory/blocks."""

    operation = "blocks-read"
    weight = 20

    def request(self, call: Call) -> Reply:
        """Read all blocks of an agent."""
        path = agent_path(call, "core-memory/blocks")
        return call.clients.letta.json("GET", path, call.request_id).judged(list_fault)


class BlocksWrite(Scenario):
    """PATCH /v1/agents/{id}/core-memory/blocks/human."""

    operation = "blocks-write"
    weight = 6

    def request(self, call: Call) -> Reply:
        """Write the block about the user."""
        body = {"value": call.payload.text(call.number)}
        path = agent_path(call, "core-memory/blocks/human")
        return call.clients.letta.json("PATCH", path, call.request_id, body).judged(object_fault)
