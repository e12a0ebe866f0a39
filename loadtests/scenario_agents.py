"""How long does it take to make an agent?"""

from loadgen.engine import Call, Reply, Scenario
from loadgen.letta_answers import id_fault
from loadgen.prepare import agent_body


class AgentCreate(Scenario):
    """POST /v1/agents/; the run's tag lets cleanup find them."""

    operation = "agent-create"
    needs = "nothing"
    weight = 2

    def request(self, call: Call) -> Reply:
        """Create an agent."""
        body = agent_body(call.request_id, call.tag, model=call.model, embedding=call.embedding)
        return call.clients.letta.json("POST", "/v1/agents/", call.request_id, body).judged(id_fault)
