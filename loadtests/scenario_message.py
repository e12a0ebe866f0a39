"""How long does an agent take to answer a message, turn after turn?"""

from loadgen.engine import Call, Reply, Scenario
from loadgen.letta_answers import messages_fault, run_id_of, token_count
from loadgen.samples import Outcome
from loadtests._letta import agent_path, message_body


class Message(Scenario):
    """POST /v1/agents/{id}/messages."""

    operation = "message"
    needs = "agent"
    weight = 20

    def request(self, call: Call) -> Reply:
        """Say something and wait for the whole answer."""
        path = agent_path(call, "messages")
        reply = call.clients.letta.json("POST", path, call.request_id, message_body(call)).judged(messages_fault)
        if reply.outcome == Outcome.OK:
            reply.tokens = token_count(reply.body["usage"].get("completion_tokens"))
            reply.detail["run_id"] = run_id_of(reply.body["messages"][0])
        return reply
