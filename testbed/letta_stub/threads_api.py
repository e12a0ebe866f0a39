"""Answers to requests about conversations, runs and steps."""

from __future__ import annotations

from testbed.letta_stub import requests
from testbed.letta_stub.agents_api import window
from testbed.letta_stub.errors import detail, missing_reference, not_found
from testbed.letta_stub.house import House
from testbed.letta_stub.shapes import conversation_state, run_metrics, run_state, step_metrics
from testbed.letta_stub.state import Conversation
from testbed.stub.stage import Call, Reply, json_reply


class ThreadsApi:
    """Handlers; each refuses with a reply of the real server's form."""

    def __init__(self, house: House) -> None:
        self._house = house

    def create(self, call: Call) -> Reply:
        """POST /v1/conversations/?agent_id=…."""
        agent_id = requests.required_query(call, "agent_id")
        found = requests.body(call, optional=True)
        if agent_id not in self._house.store.agents:
            raise missing_reference("Conversation")
        conversation = Conversation(agent_id, requests.field(found, "summary", str, None))
        self._house.store.add_conversation(conversation)
        return json_reply(conversation_state(conversation))

    def list(self, call: Call) -> Reply:
        """GET /v1/conversations/?agent_id=…, newest first."""
        agent_id = requests.required_query(call, "agent_id")
        found = self._house.store.conversations_of(agent_id)[::-1]
        page = window([each.id for each in found], call, default_limit=50)
        return json_reply([conversation_state(found[index], is_listed=True) for index in page])

    def get(self, call: Call) -> Reply:
        """GET /v1/conversations/{conversation_id}."""
        return json_reply(conversation_state(self._house.conversation(call)))

    def run(self, call: Call) -> Reply:
        """GET /v1/runs/{run_id}."""
        run_id = call.params["run_id"]
        requests.refuse_other_ids(run_id, "run")
        run = self._house.store.runs.get(run_id)
        if run is None:
            raise not_found("Run", run_id)
        return json_reply(run_state(run))

    def run_metrics(self, call: Call) -> Reply:
        """GET /v1/runs/{run_id}/metrics."""
        run_id = call.params["run_id"]
        requests.refuse_other_ids(run_id, "run")
        run = self._house.store.runs.get(run_id)
        if run is None:
            raise detail(404, "Run metrics not found")
        return json_reply(run_metrics(run))

    def step_metrics(self, call: Call) -> Reply:
        """GET /v1/steps/{step_id}/metrics."""
        step_id = call.params["step_id"]
        requests.refuse_other_ids(step_id, "step")
        step = self._house.store.steps.get(step_id)
        if step is None:
            raise not_found("StepMetrics", step_id)
        return json_reply(step_metrics(step))
