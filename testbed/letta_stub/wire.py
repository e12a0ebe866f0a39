"""Which JSON does Letta 0.16.4 send for a message, and how does it stand in a stream?"""

from __future__ import annotations

from typing import Any

import orjson

from testbed.letta_stub.ids import message_date, new_id, otid_of
from testbed.letta_stub.wording import SYSTEM

Json = dict[str, Any]
_SHOWN = (b'"message_type":"assistant_message"', b'"message_type":"tool_call_message"')


def message(
    kind: str, message_id: str, *, step_id: str | None = None, run_id: str | None = None, **content: Any
) -> Json:
    """Return a message of this type; `content` are the keys that only this type has."""
    return {
        "id": message_id,
        "date": message_date(),
        "name": None,
        "message_type": kind,
        "otid": otid_of(message_id),
        "sender_id": None,
        "step_id": step_id,
        "is_err": None,
        "seq_id": None,
        "run_id": run_id,
        **content,
    }


def system_message(message_id: str, system: str | None) -> Json:
    """Return the message with which every history begins."""
    return {**message("system_message", message_id, content=system or SYSTEM), "otid": None}


def user_message(message_id: str, text: str) -> Json:
    """Return a message of a user that an agent was made with: no step and no run belong to it."""
    return {**message("user_message", message_id, content=text), "otid": None}


def ping(run_id: str) -> Json:
    """Return the message that keeps a silent stream alive."""
    return {**message("ping", new_id("ping"), run_id=run_id), "otid": None}


def event(wire_message: Json) -> bytes:
    """Return a message as a server-sent event."""
    return b"data: " + orjson.dumps(wire_message) + b"\n\n"


def is_content(sent: bytes) -> bool:
    """Whether an event of ours shows the user something: text of the assistant, or a call of a tool."""
    return any(mark in sent for mark in _SHOWN)
