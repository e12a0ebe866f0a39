"""What does a client ask for? Ids, query parameters and bodies, refused with 422 in the real server's form.

Of a body with several mistakes the stub names the first one; the real server names them all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from testbed.letta_stub.errors import Problem, detail, unprocessable
from testbed.stub.stage import Call

_UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_EXAMPLE_UUID4 = "123e4567-e89b-42d3-8456-426614174000"
_AGENT_ID = re.compile(f"^agent-{_UUID4}$")
_CONVERSATION_ID = re.compile(f"^(default|conv-{_UUID4})$")
_ROLES = ("user", "system", "assistant")


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """The body of a request that sends messages."""

    text: str
    is_plain: bool  # given as `input`, not as `messages`
    has_messages: bool
    streaming: bool
    stream_tokens: bool
    include_pings: bool
    background: bool
    max_steps: int
    override_model: str | None


def agent_id(call: Call) -> str:
    """Return the agent id in the path; 422 when it is malformed."""
    return _path_id(call, "agent_id", _AGENT_ID, "agent-{uuid4}", f"agent-{_EXAMPLE_UUID4}")


def refuse_other_ids(found: str, kind: str) -> None:
    """Refuse the id of a run or step that is none with 400: these are not checked as path parameters."""
    if not re.match(f"^{kind}-{_UUID4}$", found):
        raise detail(400, f"INVALID_ARGUMENT: Invalid {kind} ID format: {found}. Expected format: '{kind}-<uuid4>'")


def conversation_id(call: Call) -> str:
    """Return the conversation id in the path; 422 when it is malformed."""
    return _path_id(call, "conversation_id", _CONVERSATION_ID, _CONVERSATION_ID.pattern, None)


def body(call: Call, *, optional: bool = False) -> dict[str, Any]:
    """Return the JSON object of the body ({} for an optional one that is missing); 422 when it is none."""
    if not call.body:
        if optional:
            return {}
        raise unprocessable([{"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}])
    try:
        found = orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        context: Problem = {"error": _python_complaint(call.body)}
        problem: Problem = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error"}
        raise unprocessable([{**problem, "input": {}, "ctx": context}]) from error
    if not isinstance(found, dict):
        text = "Input should be a valid dictionary or object to extract fields from"
        raise unprocessable([{"type": "model_attributes_type", "loc": ("body",), "msg": text, "input": found}])
    return found


def _python_complaint(body: bytes) -> str:
    """Return what Python's own reader of JSON says of a body, which is what the real server tells."""
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        return error.msg
    except UnicodeDecodeError as error:
        return str(error)
    return "invalid JSON"


def message_request(call: Call, *, streaming: bool) -> MessageRequest:
    """Return what a message body asks for; `streaming` is the endpoint's default."""
    found = body(call)
    messages = field(found, "messages", list, None)
    text = found.get("input")
    if messages is None and text is None:
        raise _value_error("Must specify either 'input' or 'messages'.", found)
    if messages is not None and text is not None:
        typed = {**found, "messages": [_typed(message) for message in messages]}
        raise _value_error("Cannot specify both 'input' and 'messages'. Use one or the other.", typed)
    if messages is not None:
        text = "\n".join(_message_text(message, index) for index, message in enumerate(messages))
    return MessageRequest(
        text=_content_text(text),
        is_plain=messages is None,
        has_messages=messages != [],
        streaming=field(found, "streaming", bool, streaming),
        stream_tokens=field(found, "stream_tokens", bool, False),
        include_pings=field(found, "include_pings", bool, True),
        background=field(found, "background", bool, False),
        max_steps=field(found, "max_steps", int, 50),
        override_model=field(found, "override_model", str, None),
    )


def initial_texts(found: Mapping[str, Any]) -> list[str]:
    """Return what a new agent's first messages say; 501 for roles that a real server rewrites and the stub does not."""
    messages = field(found, "initial_message_sequence", list, [])
    if any(not isinstance(message, dict) or message.get("role") != "user" for message in messages):
        raise detail(501, "the stub takes initial messages of users only")
    return [required_text(message, "content") for message in messages]


def refuse_empty(request: MessageRequest) -> None:
    """Refuse an empty list of messages with 422."""
    if not request.has_messages:
        raise detail(422, "Messages must not be empty")


def refuse_stray_streaming_options(request: MessageRequest) -> None:
    """Refuse options of streams in a request that does not stream with 422."""
    if request.streaming:
        return
    stray = {
        "stream_tokens can only be true when streaming=true": request.stream_tokens,
        "include_pings can only be set to false when streaming=true": not request.include_pings,
        "background can only be true when streaming=true": request.background,
    }
    found = "; ".join(text for text, is_stray in stray.items() if is_stray)
    if found:
        fix = "Either set streaming=true or use default values for streaming options."
        raise detail(422, f"Streaming options set without streaming enabled. {found}. {fix}")


def refuse_old_clients(call: Call) -> None:
    """Refuse a stream to a client that names itself anything but Letta's own client of version 1 with 422."""
    agent = call.headers.get(b"user-agent", b"").decode("latin-1")
    if not agent or b"x-stainless-package-version" in call.headers or _NEW_CLIENT.match(agent):
        return
    raise detail(422, "streaming=true is only supported for SDK v1.0+ clients.")


_NEW_CLIENT = re.compile(r"^(@letta-ai/)?letta-client/[1-9]")
_TYPE_PROBLEMS: Mapping[type, tuple[str, str]] = {
    list: ("list_type", "Input should be a valid list"),
    str: ("string_type", "Input should be a valid string"),
    bool: ("bool_type", "Input should be a valid boolean"),
    int: ("int_type", "Input should be a valid integer"),
    dict: ("dict_type", "Input should be a valid dictionary"),
}


def field(found: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:  # the caller names the type
    """Return a field of a body, `default` when it is missing or null; 422 when its type is wrong."""
    value = found.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        problem, text = _TYPE_PROBLEMS[kind]
        raise unprocessable([{"type": problem, "loc": ("body", name), "msg": text, "input": value}])
    return value


def required_text(found: Mapping[str, Any], name: str) -> str:
    """Return a string that a body must have; 422 without it."""
    if found.get(name) is None and name not in found:
        raise unprocessable([{"type": "missing", "loc": ("body", name), "msg": "Field required", "input": dict(found)}])
    if not isinstance(found[name], str):
        problem, text = _TYPE_PROBLEMS[str]
        raise unprocessable([{"type": problem, "loc": ("body", name), "msg": text, "input": found[name]}])
    return str(found[name])


def text_query(call: Call, name: str) -> str | None:
    """Return a text query parameter, None without it."""
    values = call.query(name)
    return values[-1] if values else None


def required_query(call: Call, name: str) -> str:
    """Return a query parameter that must be there; 422 without it."""
    value = text_query(call, name)
    if value is None:
        raise unprocessable([{"type": "missing", "loc": ("query", name), "msg": "Field required", "input": None}])
    return value


def int_query(call: Call, name: str, default: int) -> int:
    """Return a whole number from the query; 422 when it is none."""
    value = text_query(call, name)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError as error:
        text = "Input should be a valid integer, unable to parse string as an integer"
        problem: Problem = {"type": "int_parsing", "loc": ("query", name), "msg": text, "input": value}
        raise unprocessable([problem]) from error


def bool_query(call: Call, name: str, *, default: bool) -> bool:
    """Return a yes or no from the query; 422 when it is neither."""
    value = text_query(call, name)
    if value is None:
        return default
    if value.lower() in ("true", "1", "yes", "on", "t", "y"):
        return True
    if value.lower() in ("false", "0", "no", "off", "f", "n"):
        return False
    text = "Input should be a valid boolean, unable to interpret input"
    raise unprocessable([{"type": "bool_parsing", "loc": ("query", name), "msg": text, "input": value}])


def _path_id(call: Call, name: str, pattern: re.Pattern[str], said: str, example: str | None) -> str:
    found = call.params[name]
    if pattern.match(found):
        return found
    text = f"String should match pattern '{said}'"
    problem: Problem = {"type": "string_pattern_mismatch", "loc": ("path", name), "msg": text, "input": found}
    raise unprocessable([{**problem, "ctx": {"pattern": pattern.pattern}}], example)


def _message_text(message: object, index: int) -> str:
    if not isinstance(message, dict):
        text = "Input should be a valid dictionary or object to extract fields from"
        problem: Problem = {"type": "model_attributes_type", "loc": ("body", "messages", index, "MessageCreate")}
        raise unprocessable([{**problem, "msg": text, "input": message}])
    # A message that is none of a user is tried as an approval, too, and the real server tells of both.
    no_approval = _not_one_of(
        ("body", "messages", index, "function-after[migrate_deprecated_fields(), ApprovalCreate]", "type"),
        "<MessageCreateType.approval: 'approval'>",
        "message",
    )
    for name in ("role", "content"):
        if name not in message:
            place = ("body", "messages", index, "MessageCreate", name)
            problem = {"type": "missing", "loc": place, "msg": "Field required", "input": _typed(message)}
            raise unprocessable([problem, no_approval])
    if message["role"] not in _ROLES:
        place = ("body", "messages", index, "MessageCreate", "role")
        *first, last = (f"<MessageRole.{role}: '{role}'>" for role in _ROLES)
        wrong_role = _not_one_of(place, f"{', '.join(first)} or {last}", message["role"])
        raise unprocessable([wrong_role, no_approval])
    return _content_text(message["content"])


def _typed(message: object) -> object:
    """Return a message as the real server repeats it: with the type that it gives to one without."""
    return {**message, "type": message.get("type", "message")} if isinstance(message, dict) else message


def _not_one_of(place: tuple[str | int, ...], expected: str, found: object) -> Problem:
    text = f"Input should be {expected}"
    return {"type": "literal_error", "loc": place, "msg": text, "input": found, "ctx": {"expected": expected}}


def _content_text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    problem, text = _TYPE_PROBLEMS[str]
    raise unprocessable([{"type": problem, "loc": ("body", "input", "str"), "msg": text, "input": content}])


def _value_error(text: str, found: Mapping[str, Any]) -> Exception:
    context: Problem = {"error": ValueError(text)}
    problem: Problem = {"type": "value_error", "loc": ("body",), "msg": f"Value error, {text}", "input": dict(found)}
    return unprocessable([{**problem, "ctx": context}])
