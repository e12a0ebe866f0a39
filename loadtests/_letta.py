"""What do the Letta scenarios share? The paths of an agent, and the body of a user's message."""

from typing import Any

from loadgen.scenario import Call


def agent_path(call: Call, rest: str) -> str:
    """Return a path below the agent of this call."""
    return f"/v1/agents/{call.agent.id}/{rest}"


def message_body(call: Call) -> dict[str, Any]:
    """Return what a user says in this call, in the form that Letta 0.16.4 takes."""
    return {"messages": [{"role": "user", "content": call.payload.text(call.number + call.turn)}]}
