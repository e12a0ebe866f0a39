"""How fast is an agent's history listed?"""

from loadgen.engine import Call, Reply, Scenario
from loadtests._letta import agent_path


class MessageList(Scenario):
    """GET /v1/agents/{id}/messages?limit=20."""

    operation = "message-list"
    weight = 16

    def request(self, call: Call) -> Reply:
        """Read the last twenty messages."""
        return call.clients.letta.json("GET", agent_path(call, "messages?limit=20"), call.request_id)
