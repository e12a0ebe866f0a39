"""Answers to requests about conversations, runs and steps."""

from __future__ import annotations

from testbed.letta_stub import requests
from testbed.letta_stub.agents_api import window
from testbed.letta_stub.errors import not_found
from testbed.letta_stub.house import House
from testbed.letta_stub.shapes import conversation_state, run_metrics, run_state, step_metrics
from testbed.letta_stub.state import Conversation, Run
from testbed.llm_stub.stage import Call, Reply, json_reply


class ThreadsApi:
    """Handlers; each refuses with a reply of the real server's form."""

    def __init__(self, house: House) -> None:
        self._house = house

    def create(self, call: Call) -> Reply:
        """POST /v1/conversations/?agent_id=…."""
        agent_id = requests.required_query(call, "agent_id")
        found = requests.body(call, optional=True)
        if agent_id not in self._house.store.agents:
            raise not_found("Agent", agent_id)
        conversation = Conversation(agent_id, requests.field(found, "summary", str, None))
        self._house.store.conversations[conversation.id] = conversation
        return json_reply(conversation_state(conversation))

    def list(self, call: Call) -> Reply:
        """GET /v1/conversations/, newest first."""
        agent_id = requests.text_query(call, "agent_id")
        every = reversed(self._house.store.conversations.values())
        found = [each for each in every if agent_id is None or each.agent_id == agent_id]
        page = window([each.id for each in found], call, default_limit=50)
        return json_reply([conversation_state(found[index]) for index in page])

    def get(self, call: Call) -> Reply:
        """GET /v1/conversations/{conversation_id}."""
        return json_reply(conversation_state(self._house.conversation(call)))

    def delete(self, call: Call) -> Reply:
        """DELETE /v1/conversations/{conversation_id}: the body is null."""
        conversation = self._house.conversation(call)
        del self._house.store.conversations[conversation.id]
        return json_reply(None)

    def run(self, call: Call) -> Reply:
        """GET /v1/runs/{run_id}."""
        return json_reply(run_state(self._run(call)))

    def run_metrics(self, call: Call) -> Reply:
        """GET /v1/runs/{run_id}/metrics."""
        return json_reply(run_metrics(self._run(call)))

    def step_metrics(self, call: Call) -> Reply:
        """GET /v1/steps/{step_id}/metrics."""
        step_id = call.params["step_id"]
        step = self._house.store.steps.get(step_id)
        if step is None:
            raise not_found("Step", step_id)
        return json_reply(step_metrics(step))

    def _run(self, call: Call) -> Run:
        run_id = call.params["run_id"]
        run = self._house.store.runs.get(run_id)
        if run is None:
            raise not_found("Run", run_id)
        return run
