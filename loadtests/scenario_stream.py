"""How soon does an answer begin? A message whose answer streams token by token."""

from loadgen.engine import Call, Reply, Scenario
from loadtests._letta import agent_path, message_body


class Stream(Scenario):
    """POST /v1/agents/{id}/messages/stream with stream_tokens."""

    operation = "stream"
    needs = "agent"
    weight = 8

    def request(self, call: Call) -> Reply:
        """Say something and read the answer as it comes."""
        body = {**message_body(call), "stream_tokens": True, "include_pings": True}
        return call.clients.letta.stream(agent_path(call, "messages/stream"), call.request_id, body)
