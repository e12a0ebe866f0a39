"""How long does an agent take to answer a message, turn after turn?"""

from loadgen.engine import Call, Reply, Scenario
from loadgen.samples import Outcome
from loadtests._letta import agent_path, judge_messages, message_body


class Message(Scenario):
    """POST /v1/agents/{id}/messages."""

    operation = "message"
    needs = "agent"
    weight = 20

    def request(self, call: Call) -> Reply:
        """Say something and wait for the whole answer."""
        path = agent_path(call, "messages")
        reply = call.clients.letta.json("POST", path, call.request_id, message_body(call))
        if reply.outcome == Outcome.OK and (wrong := judge_messages(reply.body)):
            reply.outcome, reply.detail["error"] = Outcome.ERROR, wrong
        elif reply.outcome == Outcome.OK:
            reply.tokens = int(reply.body["usage"]["completion_tokens"] or 0)
            reply.detail["run_id"] = reply.body["messages"][0].get("run_id")
        return reply
