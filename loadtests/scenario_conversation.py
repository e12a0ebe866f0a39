"""How do conversations of an agent answer? They stream by default, and a busy one refuses a second message."""

from urllib.parse import quote

from loadgen.engine import Call, Reply, Scenario
from loadgen.letta_answers import id_fault
from loadgen.samples import Outcome
from loadtests._letta import message_body


class Conversation(Scenario):
    """POST /v1/conversations/ on the first turn of a session, then POST /v1/conversations/{id}/messages."""

    operation = "conversation"
    needs = "agent"
    weight = 4

    def request(self, call: Call) -> Reply:
        """Say something in this session's own conversation; opening it belongs to the first turn."""
        letta = call.clients.letta
        if "conversation" not in call.session:
            path = f"/v1/conversations/?agent_id={call.agent.id}"
            opened = letta.json("POST", path, call.request_id, {}).judged(id_fault)
            if opened.outcome != Outcome.OK:
                return opened
            call.session["conversation"] = opened.body["id"]
        path = f"/v1/conversations/{quote(call.session['conversation'], safe='')}/messages"
        return letta.stream(path, call.request_id, message_body(call))
