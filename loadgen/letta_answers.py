"""Is what Letta answered with status 200 really an answer? Pure judgements on shapes, for messages and streams alike.

A judgement returns what is wrong, or nothing. None of them raises, whatever JSON a target sends, and none repeats what
the target says in words: that may hold content.
"""

from __future__ import annotations

import re
from typing import Any

# Of the reasons of Letta 0.16.4 these end a turn as intended; every other one, known or not, is a failure.
GOOD_STOPS = frozenset({"end_turn", "max_steps", "tool_rule"})
MOST_TOKENS = 2**16 - 1  # what a sample can hold

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
_LONGEST_ID = 100


def stop_fault(reason: object) -> str:
    """Return what is wrong with the reason for which an agent stopped."""
    if isinstance(reason, str) and reason in GOOD_STOPS:
        return ""
    return f"stopped for {name_or(reason, 'no known reason')}"


def token_count(value: object) -> int:
    """Return a number of tokens between 0 and 65,535; what is no integer counts as 0."""
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), MOST_TOKENS)


def has_content(event: dict[str, Any]) -> bool:
    """Say whether an event or message shows the user something: text of the assistant, or a call of a tool."""
    kind = event.get("message_type")
    if kind == "assistant_message":
        return _has_text(event.get("content"))
    if kind == "tool_call_message":
        call = event.get("tool_call")
        called = isinstance(call, dict) and (_is_text(call.get("name")) or _is_text(call.get("arguments")))
        return called or _has_text(event.get("content"))
    return False


def messages_fault(body: object) -> str:
    """Return what is wrong with the answer to a message: 200 with an empty answer is no success."""
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not messages:
        return "an answer without messages"
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return "an answer whose messages are no list of objects"
    if not any(message.get("message_type") == "assistant_message" and has_content(message) for message in messages):
        return "an answer without an assistant's message"
    if not isinstance(body.get("usage"), dict):
        return "an answer whose usage is no object"
    stop = body.get("stop_reason")
    if not isinstance(stop, dict):
        return "an answer whose stop_reason is no object"
    return stop_fault(stop.get("stop_reason"))


def id_fault(body: object) -> str:
    """Return what is wrong with the answer to a request that makes something: it names what it made."""
    if isinstance(body, dict) and _is_text(body.get("id")):
        return ""
    return "an answer without an id"


def list_fault(body: object) -> str:
    """Return what is wrong with an answer that lists something; an empty list is an answer."""
    if isinstance(body, list) and all(isinstance(item, dict) for item in body):
        return ""
    return "an answer that is no list of objects"


def object_fault(body: object) -> str:
    """Return what is wrong with an answer that describes one thing."""
    return "" if isinstance(body, dict) else "an answer that is no object"


def run_id_of(message: dict[str, Any]) -> str:
    """Return the id of the run that a message or event belongs to, or nothing."""
    found = message.get("run_id")
    return found[:_LONGEST_ID] if isinstance(found, str) else ""


def name_or(value: object, otherwise: str) -> str:
    """Return a value that looks like the name of a kind or reason; free text may hold content and is left out."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else otherwise


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _has_text(content: object) -> bool:
    if isinstance(content, list):
        return any(isinstance(part, dict) and _is_text(part.get("text")) for part in content)
    return _is_text(content)
