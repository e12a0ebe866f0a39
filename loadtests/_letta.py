"""What do the Letta scenarios share? The paths of an agent, and the body of a user's message."""

from typing import Any

from loadgen.scenario import Call


def agent_path(call: Call, rest: str) -> str:
    """Return a path below the agent of this call."""
    return f"/v1/agents/{call.agent.id}/{rest}"


def message_body(call: Call) -> dict[str, Any]:
    """Return what a user says in this call, in the form that Letta 0.16.4 takes."""
    return {"messages": [{"role": "user", "content": call.payload.text(call.number + call.turn)}]}


def judge_messages(body: Any) -> str:
    """Return what is wrong with the answer to a message, or nothing: 200 with an empty answer is no success."""
    messages = body.get("messages") if isinstance(body, dict) else None
    if not messages:
        return "an answer without messages"
    if not any(message.get("message_type") == "assistant_message" and message.get("content") for message in messages):
        return "an answer without an assistant's message"
    reason = (body.get("stop_reason") or {}).get("stop_reason")
    return "" if reason in {"end_turn", "max_steps", "tool_rule"} else f"stopped for {reason}"
