"""What do all handlers of the stub share, and how do they find things in it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from testbed.letta_stub import requests
from testbed.letta_stub.errors import not_found, unknown_agent
from testbed.letta_stub.mind import Mind
from testbed.letta_stub.models import Models
from testbed.letta_stub.server_metrics import ServerMetrics
from testbed.letta_stub.state import Agent, Conversation, Store
from testbed.letta_stub.telemetry import Telemetry
from testbed.stub.control import Controls
from testbed.stub.stage import Call


@dataclass(slots=True)
class House:
    """The parts of one running stub."""

    controls: Controls
    mind: Mind
    models: Models
    has_redis: bool = False
    store: Store = field(default_factory=Store)
    telemetry: Telemetry = field(default_factory=Telemetry)
    server_metrics: ServerMetrics = field(default_factory=ServerMetrics)

    def agent(self, call: Call) -> Agent:
        """Return the agent in the path; refuses with 422 or 404."""
        agent_id = requests.agent_id(call)
        agent = self.store.agents.get(agent_id)
        if agent is None:
            raise unknown_agent(agent_id)
        return agent

    def conversation(self, call: Call) -> Conversation:
        """Return the conversation in the path; refuses with 422 or 404."""
        conversation_id = requests.conversation_id(call)
        conversation = self.store.conversations.get(conversation_id)
        if conversation is None:
            raise not_found("Conversation", conversation_id, ", is_deleted=False")
        return conversation

    def agent_id_of(self, params: Mapping[str, str]) -> str:
        """Return the agent that a request is about, "" when it is about none."""
        conversation = self.store.conversations.get(params.get("conversation_id", ""))
        return conversation.agent_id if conversation else params.get("agent_id", "")
