"""How fast is an agent's history listed?"""

from loadgen.engine import Call, Reply, Scenario
from loadgen.letta_answers import list_fault
from loadtests._letta import agent_path


class MessageList(Scenario):
    """GET /v1/agents/{id}/messages?limit=20."""

    operation = "message-list"
    weight = 16

    def request(self, call: Call) -> Reply:
        """Read the last twenty messages."""
        path = agent_path(call, "messages?limit=20")
        return call.clients.letta.json("GET", path, call.request_id).judged(list_fault)
